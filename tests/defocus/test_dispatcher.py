"""Work on many items, wherever it is done: each has its result, or the reason why it has none."""

import errno
import importlib.util
import os
import re
import signal
import time

import pytest

from defocus import progress
from defocus.cluster.dispatcher import each
from defocus.errors import ImageError, StorageError, WeightsError
from defocus.processes.isolation import Killed, LeftOut
from defocus.progress import telling, warn_once
from tests.command_process import CHECKOUT

WAITS = {"first": 0.2, "second": 0.0, "third": 0.0}


def waited(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def reciprocal(number: int) -> float:
    return 1 / number


def refuse(_item: int) -> None:
    raise WeightsError("no such weights")


def test_what_is_started_early_is_a_module_that_hands_out_work():
    """A name that is wrong would be passed over: workers would import for themselves."""
    early = re.compile(r'start_early\(\s*"([\w.]+)"')
    modules = []
    for folder in ("datasets", "benchmark", "restoration"):
        for file in (CHECKOUT / folder).rglob("*.py"):
            modules += early.findall(file.read_text(encoding="utf-8"))
    assert len(modules) >= 4
    for name in modules:
        spec = importlib.util.find_spec(name)
        assert spec is not None, name


def test_an_item_that_fails_is_named_and_the_others_go_on():
    results = dict(each(reciprocal, {"two": 2, "none": 0, "four": 4}, 1))
    failed = results.pop("none")
    assert isinstance(failed, LeftOut)
    assert failed.id == "none"
    assert "division by zero" in failed.reason
    assert results == {"two": 0.5, "four": 0.25}


def test_an_error_of_the_request_stops_everything(refused):
    with refused(WeightsError):
        list(each(refuse, {"one": 1, "two": 2}, 1))


@pytest.mark.full
def test_results_that_come_in_any_order_have_their_names():
    assert dict(each(waited, WAITS, 2)) == WAITS


def end_with(code: int) -> int:
    if code:
        os._exit(code)
    return os.getpid()


def fill_disk(_item: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def warn(_item: int) -> int:
    warn_once("white is taken as 4095")
    time.sleep(0.3)  # the other process has an item too
    return os.getpid()


@pytest.mark.full
@pytest.mark.parametrize("may_crash", [False, True])
def test_what_several_processes_say_once_is_said_once(may_crash, monkeypatch, capfd):
    monkeypatch.setattr(progress, "said_once", set())
    items = {"one": 1, "two": 2, "three": 3, "four": 4}
    assert len(set(dict(each(warn, items, 2, may_crash=may_crash)).values())) > 1
    warn(5)
    assert capfd.readouterr().err.count("warning: white is taken as 4095\n") == 1


@pytest.mark.full
def test_an_item_that_crashes_its_process_is_left_out_alone():
    results = dict(
        each(end_with, {"well": 0, "torn": 139, "whole": 0}, 2, may_crash=True)
    )
    torn = results.pop("torn")
    assert isinstance(torn, LeftOut)
    assert "crashed (exit code 139)" in torn.reason
    assert len({os.getpid(), *results.values()}) == 3, "each has a process to itself"


def kill_itself(_item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.full
def test_an_item_whose_process_is_killed_is_not_called_torn():
    (result,) = dict(each(kill_itself, {"large": 1}, 2, may_crash=True)).values()
    assert isinstance(result, Killed)
    assert "memory ran out; use fewer processes" in result.reason


@pytest.mark.full
def test_a_full_disk_stops_the_processes_of_all():
    with pytest.raises(OSError, match="No space left"):
        list(each(fill_disk, {"one": 1, "two": 2}, 2, may_crash=True))


def open_too_many(_item: int) -> None:
    try:
        raise OSError(errno.EMFILE, "Too many open files", "a.png")
    except OSError as error:
        raise ImageError("a.png: cannot be read") from error


@pytest.mark.full
@pytest.mark.parametrize(
    ("processes", "may_crash"), [(1, False), (2, False), (2, True)]
)
def test_too_many_open_files_are_a_fault_of_no_item(processes, may_crash):
    with pytest.raises(StorageError, match="may open no more files; raise 'ulimit -n'"):
        list(each(open_too_many, {"a": 1, "b": 2}, processes, may_crash=may_crash))


@pytest.mark.full
def test_an_error_that_nobody_foresaw_in_a_process_is_in_the_log(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setattr(telling, "log_file", log)
    (result,) = dict(each(reciprocal, {"none": 0}, 1, may_crash=True)).values()
    assert isinstance(result, LeftOut)
    assert result.reason.startswith(
        "unforeseen ZeroDivisionError: division by zero; please report"
    )
    assert "in reciprocal" in log.read_text()
