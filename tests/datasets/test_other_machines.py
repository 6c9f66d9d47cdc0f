"""Workers of dask.distributed make what one process makes, to the byte, whatever is killed."""

import os
import signal
import time
from pathlib import Path

import pytest

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import NamedFlow
from defocus.cluster.dask_cluster import _connected
from defocus.datasets.api import open_dataset
from defocus.datasets.audit import run as audit_run
from defocus.datasets.audit.run import audit_dataset
from defocus.datasets.checksums import folder_hashes
from defocus.datasets.commands.audit import write_audit
from defocus.datasets.curation_rules import usable_pairs
from defocus.datasets.deriving import compensate
from defocus.datasets.deriving.compensate import compensate_dataset
from defocus.processes.machines import Machines
from tests.command_process import start_command
from tests.datasets.conftest import put
from tests.datasets.test_audit import defocused
from tests.datasets.test_measured_once import scene
from tests.ssh_server import ssh_server

pytestmark = pytest.mark.full
NAMES = ("astronaut", "coffee", "chelsea", "rocket")


@pytest.fixture
def pairs(tmp_path):
    """Four pairs, shifted by 2 px."""
    for name in NAMES:
        put(tmp_path / f"source/blurry/{name}.png", defocused(scene(name)))
        put(tmp_path / f"source/sharp/{name}.png", scene(name, 38))
    return f"pairs:{tmp_path / 'source'}"


def kill_a_worker(machines, monkeypatch, module, name):
    """Kill one of the workers as soon as the first item is ready, which ``track`` says."""
    pids = list(_connected(machines).run(os.getpid).values())
    each = module.each

    def disturbed(work, items, where):
        for result in each(work, items, where):
            if where == machines and pids:
                os.kill(pids.pop(), signal.SIGKILL)
                pids.clear()
            yield result

    monkeypatch.setattr(module, name, disturbed)


def test_audit_with_a_worker_killed(pairs, both, two_workers, monkeypatch):
    dataset = open_dataset(pairs)
    kill_a_worker(two_workers, monkeypatch, audit_run, "each")

    both(lambda out, where: write_audited(dataset, out, where), two_workers)


def write_audited(dataset, out, where):
    audit = audit_dataset(dataset, "dis", where)
    assert len(audit.pairs) == len(NAMES)
    write_audit(out, dataset, audit, None, usable_pairs(audit))


def test_audit_by_ssh_with_a_worker_killed(pairs, both, tmp_path, monkeypatch):
    """Two names of this computer, with a worker each."""
    dataset = open_dataset(pairs)
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    with ssh_server(home) as hosts:
        machines = Machines(f"ssh:{','.join(hosts)}")
        kill_a_worker(machines, monkeypatch, audit_run, "each")
        both(lambda out, where: write_audited(dataset, out, where), machines)
        _connected(machines).shutdown()


@pytest.mark.parametrize("size", ["each", "common"])
def test_compensate_with_a_worker_killed(pairs, both, two_workers, monkeypatch, size):
    dataset = open_dataset(pairs)
    kill_a_worker(two_workers, monkeypatch, compensate, "each")

    def compensated(out, where):
        result = compensate_dataset(
            dataset, out, Release(), NamedFlow(), size=size, where=where
        )
        assert len(result.pairs) == len(NAMES)

    both(compensated, two_workers)


def test_a_folder_has_the_same_checksums(pairs, two_workers, tmp_path):
    assert len(here := folder_hashes(tmp_path)) == 2 * len(NAMES)
    assert list(folder_hashes(tmp_path, two_workers).items()) == list(here.items())
    (tmp_path / "link").symlink_to("nowhere")
    assert folder_hashes(tmp_path, two_workers)["link"] == ""


def test_an_audit_that_is_killed_goes_on_with_the_same_command(
    pairs, data, two_workers, tmp_path
):
    cache = Path(os.environ["DEFOCUS_CACHE"])
    earlier = set(cache.glob("measured/*/[0-9a-f]*.json"))
    command = ("audit", pairs, "--on", two_workers.address)
    with start_command("defocus-data", *command, folder=tmp_path) as process:
        while len(kept := {*cache.glob("measured/*/[0-9a-f]*.json")} - earlier) < 1:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert not (tmp_path / "audit").exists()
    assert f"{len(NAMES)} pairs" in data(*command).stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}
