"""Work on workers of dask.distributed: a cluster of two on the loopback."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from defocus import progress
from defocus.cluster import dask_cluster
from defocus.cluster.dask_cluster import _connected
from defocus.cluster.dispatcher import each
from defocus.datasets.deriving import compensate
from defocus.errors import (
    DefocusError,
    InputError,
    RegistryError,
    SettingsError,
    WeightsError,
)
from defocus.plugins import extensions
from defocus.processes.children import python_command, python_environment
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import ClusterSettings, Machines
from defocus.processes.workers import in_processes
from defocus.progress import open_log, say, telling, warn_once
from defocus.storage.files import atomic_path
from tests.command_process import wait_until
from tests.dask_loopback import loopback

pytest.importorskip("distributed")
pytestmark = pytest.mark.full
FOLDER = Path(__file__).parent
METRIC = """
from defocus import Metric
MINE = Metric("mine", "Mine", "lower", "", 4, lambda *given: {})
"""


def root_of(number: int) -> float:
    say(f"root of {number}")
    return float(number**0.5) if number >= 0 else 1 / 0


def slow_root_of(number: int) -> float:
    time.sleep(0.5)
    return root_of(number)


def die_at_first(mark: Path) -> int:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 7


def die(_item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(_item: int) -> None:
    raise WeightsError("no such weights")


def state_of_process(_item: int) -> tuple[str | None, str | None]:
    import cv2

    assert cv2.getNumThreads() == 1
    return os.environ.get("OMP_NUM_THREADS"), os.environ.get("DEFOCUS_OF_THE_MOMENT")


def test_each_item_has_its_result_and_what_was_said_is_said_here(two_workers, capfd):
    results = dict(each(root_of, {"four": 4, "minus": -1, "nine": 9}, two_workers))
    failed = results.pop("minus")
    assert isinstance(failed, LeftOut)
    assert "division by zero" in failed.reason
    assert results == {"four": 2.0, "nine": 3.0}
    assert "root of 9\n" in capfd.readouterr().err


def test_the_traceback_of_an_item_is_in_the_log_file_here(
    two_workers, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(telling, "log_file", None)
    open_log(tmp_path / "log")
    assert isinstance(dict(each(root_of, {"minus": -1}, two_workers))["minus"], LeftOut)
    logged = (tmp_path / "log").read_text()
    assert logged.count("ZeroDivisionError: division by zero") == 1
    assert logged.count("root of -1") == 1
    assert "Traceback" not in capfd.readouterr().err


SCHEDULER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp",
        dashboard_address=":0", silence_logs=50,
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
        cluster.scale(0)
        input()
"""


def test_a_scheduler_that_ends_meanwhile_is_told_in_a_line(capfd, monkeypatch):
    """That it has lost its workers is told too."""
    monkeypatch.setattr(dask_cluster, "NO_WORKER_SECONDS", 0.2)
    with subprocess.Popen(
        python_command("-c", SCHEDULER), env=python_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        machines = Machines(process.stdout.readline().strip())
        items = dict(zip("abcdefgh", range(8), strict=True))
        results = each(slow_root_of, items, machines)
        next(results)
        process.stdin.write("\n")
        process.stdin.flush()
        wait_until(lambda: "has no worker now" in capfd.readouterr().err)
        process.kill()
        with pytest.raises(DefocusError, match="the scheduler has ended or cannot be"):
            list(results)
    assert "Traceback" not in capfd.readouterr().err


def test_a_worker_has_one_thread_and_the_environment_of_the_caller(
    two_workers, monkeypatch
):
    monkeypatch.setenv("DEFOCUS_OF_THE_MOMENT", "now")
    assert dict(each(state_of_process, {"one": 1}, two_workers)) == {
        "one": ("1", "now")
    }


def plugins_of_process(_item: int) -> list[tuple[str, str]]:
    return [(one.path.name, one.source_hash) for one in extensions.plugins()]


def test_a_worker_has_the_plugins_of_its_caller_alone(
    two_workers, no_plugins, tmp_path, monkeypatch
):
    """A plug-in of an earlier caller adds nothing; an edited one counts as it is now."""

    def there():
        items = {"one": 1, "two": 2, "three": 3, "four": 4}
        return list(dict(each(plugins_of_process, items, two_workers)).values())

    file, other = tmp_path / "mine.py", tmp_path / "other.py"
    for path, value in ((file, 1.0), (file, 2.0), (other, 3.0)):
        path.write_text(METRIC.format(value), encoding="utf-8")
        extensions.load_plugin(path)
        assert there() == [plugins_of_process(0)] * 4
    monkeypatch.setattr(extensions, "_loaded", {})
    monkeypatch.setenv(extensions.ENVIRONMENT, "")
    assert there() == [[]] * 4


@dataclass(frozen=True)
class TextOf:
    """Stands for an estimator of flow, which reads its weights."""

    path: Path

    def __call__(self) -> str:
        return self.path.read_text()


def warned_and_read(path: Path) -> Any:
    warn_once("white is taken as 4095")
    return compensate._own(TextOf(path))


def test_a_worker_is_to_each_program_what_its_own_process_is(
    two_workers, monkeypatch, tmp_path, capfd
):
    """What one was told, another is told too, and finds files as they are now."""

    said = {}

    def told_to(program):
        monkeypatch.setattr(dask_cluster, "_program", lambda: program)
        monkeypatch.setattr(progress, "said_once", said.setdefault(program, set()))
        items = dict.fromkeys("abcdef", tmp_path / "file")
        read = set(dict(each(warned_and_read, items, two_workers)).values())
        return read, capfd.readouterr().err.count("white is taken as 4095")

    programs = {"first": "one", "second": "two"}
    for program, text in programs.items():
        (tmp_path / "file").write_text(text)
        read, times = told_to(f"{program} {tmp_path}")
        assert read == {text}
        assert times == 1  # not once by each worker
    for program in programs:
        assert told_to(f"{program} {tmp_path}")[1] == 0


def test_a_plugin_that_is_edited_meanwhile_ends_the_work(
    two_workers, no_plugins, tmp_path
):
    """A worker that takes the place of a killed one would do the rest by the new text."""
    file = tmp_path / "mine.py"
    file.write_text(METRIC.format(1.0), encoding="utf-8")
    extensions.load_plugin(file)
    edited = METRIC.format(1.0).replace('"lower"', '"higher"')
    file.write_text(edited, encoding="utf-8")
    for where in (2, two_workers):
        with pytest.raises(RegistryError, match="has changed since the command began"):
            list(each(plugins_of_process, {"one": 1, "two": 2}, where))


def looks_at_frames(_item: int) -> bool:
    from distributed import get_worker

    time.sleep(0.5)  # the worker stops that between two of its looks
    return bool(get_worker().periodic_callbacks["profile"].is_running())


def test_dask_does_not_hold_what_a_worker_has_freed(two_workers):
    """Its profiler holds frames for moments, and counted memory of a network differed with it."""
    items = {"one": 1, "two": 2, "three": 3}
    assert set(dict(each(looks_at_frames, items, two_workers)).values()) == {False}


def in_own_processes(item: int) -> list[int]:
    return sorted(in_processes(abs, [item, 2 * item], 2))


def test_an_item_may_start_processes(two_workers):
    """A training has some that make its batches."""
    assert dict(each(in_own_processes, {"one": -1}, two_workers)) == {"one": [1, 2]}


def use_nearly_all_memory(dask_worker):
    used = dask_worker.monitor.get_process_memory()
    dask_worker.memory_manager.memory_limit = int(used / 0.9)


def test_a_worker_that_uses_much_memory_gets_items():
    """Dask waits until there is less, but what our processes have freed they keep."""
    with loopback(1, "1 TiB") as machines:
        client = _connected(machines)
        assert dict(each(root_of, {"four": 4}, machines)) == {"four": 2.0}
        client.run(use_nearly_all_memory)
        time.sleep(1)  # dask looks ten times in it
        (state,) = client.run(lambda dask_worker: dask_worker.status.name).values()
        assert state == "running"
        assert dict(each(root_of, {"nine": 9}, machines)) == {"nine": 3.0}


def test_an_item_whose_worker_is_killed_is_done_by_another(two_workers, tmp_path):
    items = {"once": tmp_path / "mark"}
    assert dict(each(die_at_first, items, two_workers)) == {"once": 7}


@dataclass(frozen=True)
class Written:
    """A file to write; as long as there is a mark, the worker dies meanwhile."""

    path: Path
    marks: tuple[Path, ...] = ()


def write_or_die(item: Written) -> int:
    time.sleep(0.3)  # the other worker writes one too
    with atomic_path(item.path) as temporary:
        temporary.write_bytes(b"half")
        for mark in item.marks:
            if mark.exists():
                mark.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def write_with_both(machines: Machines, out: Path) -> None:
    """Let each worker write to a new folder, so that it knows what is in it."""
    out.mkdir()
    _connected(machines).wait_for_workers(2)
    items = {name: Written(out / name) for name in "abcd"}
    assert len(set(dict(each(write_or_die, items, machines)).values())) == 2


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_worker_that_is_killed_while_it_writes_leaves_nothing(two_workers, tmp_path):
    """The one that does its item has written to the folder before, and has seen no such file."""
    out, mark = tmp_path / "out", tmp_path / "mark"
    write_with_both(two_workers, out)
    mark.touch()
    results = dict(each(write_or_die, {"e": Written(out / "e", (mark,))}, two_workers))
    assert isinstance(results["e"], int)
    assert sorted(path.name for path in out.iterdir()) == list("abcde")


def test_what_an_item_leaves_that_kills_each_worker_is_removed_by_the_next_command(
    two_workers, monkeypatch, tmp_path
):
    out, marks = tmp_path / "out", tuple(tmp_path / f"mark{n}" for n in range(3))
    write_with_both(two_workers, out)
    for mark in marks:
        mark.touch()
    item = {"e": Written(out / "e", marks)}
    (left_out,) = dict(each(write_or_die, item, two_workers)).values()
    assert isinstance(left_out, LeftOut)
    assert len(hidden(out)) == 1
    monkeypatch.setattr(dask_cluster, "_program", lambda: f"next {tmp_path}")
    (pid,) = dict(each(write_or_die, item, two_workers)).values()
    assert isinstance(pid, int)
    assert sorted(path.name for path in out.iterdir()) == list("abcde")


KILLED_CLIENT = """
import os, signal, sys
from defocus.cluster.dispatcher import each
from defocus.processes.machines import Machines

if __name__ == "__main__":
    for _ in each(abs, {"one": 1, "two": 2}, Machines(sys.argv[1])):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_client_that_is_killed_leaves_nothing_in_the_cache_for_long(two_workers):
    cache = Path(os.environ["DEFOCUS_CACHE"])
    killed = subprocess.run(
        python_command("-c", KILLED_CLIENT, two_workers.address),
        env=python_environment(),
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(cache.glob("shared-*"))) == 1
    assert dict(each(abs, {"one": -1}, two_workers)) == {"one": 1}
    assert list(cache.glob("shared-*")) == []


def test_an_item_that_kills_each_worker_is_left_out(two_workers, snapshot):
    (result,) = dict(each(die, {"heavy": 1}, two_workers)).values()
    assert result == snapshot
    assert dict(each(root_of, {"four": 4}, two_workers)) == {"four": 2.0}


def test_an_error_of_the_request_ends_the_work(two_workers, refused):
    with refused(WeightsError):
        list(each(refuse, {"one": 1, "two": 2}, two_workers))


def test_a_worker_that_does_not_see_the_cache_is_refused(two_workers, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", lambda _path, _content: None)
    with pytest.raises(SettingsError, match="does not see the cache"):
        list(each(root_of, {"four": 4}, two_workers))


def test_a_worker_with_another_version_is_refused(two_workers, monkeypatch):
    monkeypatch.setattr(
        "defocus.cluster.dask_cluster._packages", lambda: (("defocus", "99.0"),)
    )
    with pytest.raises(SettingsError, match=r"has defocus .*, this machine 99\.0"):
        list(each(root_of, {"four": 4}, two_workers))


def test_no_scheduler_at_the_address(monkeypatch):
    monkeypatch.setattr("defocus.cluster.dask_cluster.ANSWER_SECONDS", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match="no scheduler answers there"):
            list(each(root_of, {"four": 4}, Machines(address)))


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, refused):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with refused(InputError):
        list(each(root_of, {"four": 4}, Machines("tcp://scheduler:8786")))


def test_a_queue_that_is_not_here(monkeypatch, refused):
    if importlib.util.find_spec("dask_jobqueue") is None:
        pytest.skip("dask-jobqueue is not installed")
    monkeypatch.setenv("PATH", "")
    before = signal.getsignal(signal.SIGINT)
    with refused(InputError):
        list(each(root_of, {"four": 4}, Machines("slurm")))
    assert signal.getsignal(signal.SIGINT) is before


SETTINGS = ClusterSettings(
    cores=2, gpus=1, queue="long", account="optics", qos="low", memory_gb=3, time_minutes=90,
    setup=("module load python",),
)  # fmt: skip


@contextlib.contextmanager
def port_of_dask_taken():
    """As where somebody else's scheduler runs on this computer, of which dask would warn."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # there is one
            taken.bind(("", 8787))
            taken.listen()
        yield


@pytest.mark.parametrize(
    ("queue", "lines"),
    [
        (
            "slurm",
            "#SBATCH -p long|#SBATCH -A optics|#SBATCH --mem=2862M|#SBATCH -t 01:30:00",
        ),
        (
            "slurm",
            "#SBATCH --cpus-per-task=2|#SBATCH --qos=low|#SBATCH --gpus-per-node=1",
        ),
        ("pbs", "#PBS -q long|#PBS -A optics|#PBS -l walltime=01:30:00"),
        ("lsf", '#BSUB -q long|#BSUB -P "optics"|#BSUB -n 2|#BSUB -W 01:30'),
        ("sge", "#$ -q long|#$ -P optics|#$ -l h_rt=01:30:00"),
        (
            "htcondor",
            "accounting_group = optics|MY.DaskWorkerCores = 2|MY.DaskWorkerDisk",
        ),
        (
            "oar",
            "#OAR -q long|#OAR --project optics|#OAR -l /nodes=1/core=2,walltime=01:30:00",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_the_job_of_each_queue_asks_for_the_resources(queue, lines, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    with (
        port_of_dask_taken(),
        contextlib.closing(
            dask_cluster._by_queue(Machines(queue, SETTINGS))
        ) as cluster,
    ):
        script = cluster.job_script()
    for line in lines.split("|"):
        assert line in script.replace('"long"', "long"), script
    assert "module load python" in script
    assert "--nthreads 1 --memory-limit 1.40GiB --nworkers 2" in script
