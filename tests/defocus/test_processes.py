"""Processes side by side: all results, and none of them left when the caller is killed."""

import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2
import pytest

from defocus.errors import DefocusError, RegistryError, StorageError
from defocus.plugins.extensions import load_plugin
from defocus.processes import workers
from defocus.processes.interruption import heard_interrupts
from defocus.processes.workers import in_processes, starting_workers
from defocus.progress import say, telling
from tests.command_process import has_ended, wait_until

pytestmark = pytest.mark.full

WORK = """
import os, sys, time
from pathlib import Path
from defocus.cache import atomic_folder

def work(folder):
    with atomic_folder(Path(folder).parent / "made" / str(os.getpid())) as unfinished:
        (unfinished / "first").touch()
        Path(folder, str(os.getpid())).touch()
        time.sleep(100)

if __name__ == "__main__":
    from defocus.processes.workers import in_processes
    list(in_processes(work, [sys.argv[1]] * 4, 2))
"""


def test_every_result_comes_once():
    items = [str(number) for number in range(6)]
    for processes in (1, 2):
        assert sorted(in_processes(int, items, processes)) == list(range(6))


def threads(_item: int) -> tuple[int, str]:
    return cv2.getNumThreads(), os.environ["OMP_NUM_THREADS"]


def test_a_process_has_one_thread_and_the_environment_of_the_moment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert [*in_processes(threads, [1, 2], 2)] == [(1, "1")] * 2
    assert os.environ["OMP_NUM_THREADS"] == "2"
    for value in ("first", "second"):
        monkeypatch.setenv("DEFOCUS_OF_THE_MOMENT", value)
        assert {*in_processes(os.getenv, ["DEFOCUS_OF_THE_MOMENT"] * 2, 2)} == {value}


CLEAN = """
import os, signal, sys
from defocus.processes.workers import in_processes

def blocked():
    return sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))

def work(_item):
    return os.getppid(), ("torch" in sys.modules, *blocked())

if __name__ == "__main__":
    first, second = ({*in_processes(work, [1, 2], 2)} for _ in range(2))
    (parent, of_child), = first | second
    print(parent != os.getpid(), of_child, blocked())
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows")
def test_processes_come_from_one_clean_process_that_a_cluster_does_not_signal(tmp_path):
    """What SLURM sends to all processes of a job reaches the caller alone; none imports torch."""
    script = tmp_path / "clean.py"
    script.write_text(CLEAN)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    said = subprocess.check_output(
        [sys.executable, str(script)], env=environment, text=True
    )
    held_back = sorted(map(int, (signal.SIGHUP, signal.SIGINT, signal.SIGUSR2)))
    assert said == f"True {(False, *held_back)} []\n"


def test_an_interrupt_while_the_processes_start_is_not_waited_out(monkeypatch):
    others = set(active_children())  # such as workers of another test

    def interrupted() -> list[BaseProcess]:
        children = active_children()
        if set(children) - others:
            signal.raise_signal(signal.SIGINT)
        return children

    monkeypatch.setattr("defocus.processes.workers.active_children", interrupted)
    with pytest.raises(KeyboardInterrupt):
        [*in_processes(time.sleep, [1000.0, 1000.0], 2)]
    assert set(active_children()) <= others


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_that_another_thread_gets_waits_until_all_are_started(
    monkeypatch, name
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    begin, ended, numbers = threading.Event(), threading.Event(), []

    def press() -> None:
        begin.wait()
        signal.raise_signal(getattr(signal, name))
        ended.set()

    def start() -> None:
        with starting_workers():
            begin.set()
            ended.wait()
            time.sleep(0.01)
            numbers.append("started")

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt), heard_interrupts():
        start()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert numbers == ["started"]
    assert "OMP_NUM_THREADS" not in os.environ


def test_messages_of_the_processes_follow_the_settings_of_the_caller(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(telling, "quiet", True)
    monkeypatch.setattr(telling, "log_file", tmp_path / "log")
    assert list(in_processes(say, ["one", "two"], 2)) == [None, None]
    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(line.split()[-1] for line in lines) == ["one", "two"]
    assert capfd.readouterr().err == ""


class EndedInDestructor:
    """Is told to end where Python swallows what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def end_in_destructor(_item: int) -> None:
    EndedInDestructor()
    time.sleep(100)


def test_a_process_that_is_told_to_end_in_a_destructor_ends_without_a_traceback(capfd):
    """As in what numba calls when it compiles."""
    with pytest.raises(DefocusError, match="killed"):
        [*in_processes(end_in_destructor, [1, 2], 2)]
    assert capfd.readouterr().err == ""


def test_a_killed_process_is_told_in_a_line(refused):
    with refused(DefocusError):
        list(in_processes(signal.raise_signal, [signal.SIGKILL] * 2, 2))


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSYS, errno.EAGAIN])
def test_processes_that_cannot_be_started_are_told_with_another_way(
    number, monkeypatch, refused
):
    """As where /dev/shm cannot be written, or is not there, or the user has too many processes."""

    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(workers, "ProcessPoolExecutor", none)
    with refused(StorageError):
        list(in_processes(int, ["1", "2"], 2))


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_caller_that_ends_leaves_no_process(tmp_path, ending):
    script, seen = tmp_path / "killed.py", tmp_path / "seen"
    script.write_text(WORK)
    seen.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    caller = subprocess.Popen(
        [sys.executable, str(script), str(seen)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: len(list(seen.iterdir())) == 2)
    os.killpg(caller.pid, ending) if ending == signal.SIGINT else caller.kill()
    said = caller.communicate()[1]
    if ending == signal.SIGINT:  # the caller's own trace, none of the workers'
        assert said.count("Traceback") == 1
        assert not list((tmp_path / "made").iterdir())
    workers = [int(path.name) for path in seen.iterdir()]
    wait_until(lambda: all(map(has_ended, workers)))


def blas_threads(_):
    """Threads of the BLAS library that numpy has loaded in this process."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    library = ctypes.CDLL(next(line.split()[-1] for line in maps if "openblas" in line))
    names = (
        "scipy_openblas_get_num_threads64_",
        "openblas_get_num_threads64_",
        "openblas_get_num_threads",
    )
    return next(getattr(library, name)() for name in names if hasattr(library, name))


BLAS = """
import os, sys
from tests.defocus.test_processes import blas_threads
from defocus.processes.workers import in_processes

if __name__ == "__main__":
    print(os.environ.get("OPENBLAS_NUM_THREADS"), *in_processes(blas_threads, range(2), 2))
    print(os.environ.get("OPENBLAS_NUM_THREADS"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_numpy_has_one_thread_in_each_process(tmp_path):
    (tmp_path / "blas.py").write_text(BLAS, encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name
    }
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, str(tmp_path / "blas.py")]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["None", "1", "1", "None"]


def test_processes_work_in_the_folder_of_their_caller(tmp_path, monkeypatch):
    """Also where a notebook has changed it, as relative paths are of it."""
    monkeypatch.chdir(tmp_path)
    assert {*in_processes(where_a_process_works, [1, 2], 2)} == {tmp_path}


def where_a_process_works(_item: int) -> Path:
    return Path.cwd()


def doubled(function: Callable[[int], int], item: int) -> int:
    return 2 * function(item)


def test_a_plugin_that_is_edited_meanwhile_is_refused_in_a_line(no_plugins, tmp_path):
    """It is loaded with the work itself, before the first item."""
    file = tmp_path / "mine.py"
    text = "from defocus import Loss\nMINE = Loss('mine', max)\ndef work(item):\n    return item\n"
    file.write_text(text, encoding="utf-8")
    work = partial(doubled, load_plugin(file).module.work)
    assert sorted(in_processes(work, [1, 2], 2)) == [2, 4]
    file.write_text(f"{text}    # now\n    assert item\n", encoding="utf-8")
    with pytest.raises(RegistryError, match="has changed since the command began"):
        list(in_processes(work, [1, 2], 2))
