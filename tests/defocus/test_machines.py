"""What is typed for ``--on``: a number of processes, or other machines."""

import pytest

from defocus.errors import InputError, SettingsError
from defocus.processes.machines import ClusterSettings, Machines, where_of


def test_a_number_is_of_processes_here():
    assert where_of("3") == 3


@pytest.mark.parametrize(
    "text", ["ssh:lab1,me@lab2", "tcp://scheduler:8786", "tls://[::1]:1", "slurm"]
)
def test_other_machines(text):
    assert where_of(text) == Machines(text)


def test_hosts_are_of_ssh_alone():
    assert Machines("ssh:lab1,me@lab2").hosts == ("lab1", "me@lab2")
    assert Machines("slurm").hosts == ()


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-2",
        "",
        "two",
        "ssh:",
        "ssh:a,,b",
        "ssh:-oProxyCommand=x",
        "tcp://host",
        "slrum",
        "http://a:1",
    ],
)
def test_another_address_is_refused(text, refused):
    with refused(InputError):
        where_of(text)


def test_the_file_has_the_resources_of_workers(tmp_path, refused):
    file = tmp_path / "cluster.toml"
    file.write_text('[cluster]\nqueue = "long"\ncores = 8\n')
    assert where_of("slurm", file) == Machines(
        "slurm", ClusterSettings(queue="long", cores=8)
    )
    file.write_text("[cluster]\ncore = 8\n")
    with refused(SettingsError):
        where_of("slurm", file)
