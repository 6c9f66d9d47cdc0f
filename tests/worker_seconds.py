"""What a run costs: the processor time of each test and of the processes that it starts.

They hardly depend on what else the machine does; ``--limits`` fails a run that is above one.
"""

import importlib
import os
import resource
import time
from collections import Counter
from collections.abc import Generator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from tests.command_process import COMMAND_MODULES, SLOW_LIBRARIES

CASE_S, FILE_S, RING_S = 1.0, 30.0, 360.0
"""Most worker-seconds of a case, of a file and of the default ring: two cores for three minutes."""

ROOM, CASE_ROOM = 1.3, 2.0
"""The ring and a file, and a case, may take so often as much as their limits."""

REFERENCE_S, TRIED_EACH = 0.075, 100
"""What :func:`_reference` takes where the default ring takes 304, and the cases between two trials
of it: a slower processor, or one that others use too, gets as much more."""

MOST_SHOWN = 25


def worker_seconds() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + _of_commands()


def _of_commands() -> float:
    """Processor time of the clean process that commands are forks of, and of those that ended."""
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)  # type: ignore[attr-defined]
    try:
        words = (
            Path(f"/proc/{server}/stat")
            .read_text(encoding="ascii")
            .rpartition(")")[2]
            .split()
        )
    except OSError:
        return 0.0
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def _reference() -> float:
    """Processor time of work that is always the same."""
    begun, table, total = time.process_time(), dict[int, int](), 0
    for number in range(300_000):
        table[number % 977] = total
        total += len(str(number)) + table.get(number * 7 % 977, 1) % 3
    return time.process_time() - begun


class Costs:
    """Of one process: what its tests took so far; of the one that prints: what all took."""

    def __init__(self) -> None:
        self.last = 0.0
        self.whole = 0.0
        self.ran = 0
        self.trials: list[float] = []
        self.cases: Counter[str] = Counter()
        self.files: Counter[str] = Counter()
        self.compiler: Any = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """With limits, import what is slow to import before the first case does."""
        config = session.config
        runs = hasattr(config, "workerinput") or not config.getoption(
            "numprocesses", None
        )
        if runs and config.getoption("limits"):
            for module in (*SLOW_LIBRARIES, *COMMAND_MODULES):
                importlib.import_module(module)
            from numba.core.event import TimingListener, register

            self.compiler = TimingListener()
            register("numba:compile", self.compiler)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> None:
        if self.ran % TRIED_EACH == 0:
            self.trials.append(_reference())
        self.ran += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self.last = self._spent()

    def _spent(self) -> float:
        """Worker-seconds without those of the compiler, for which a fresh checkout waits once."""
        waited = self.compiler is not None and self.compiler.done
        return worker_seconds() - (self.compiler.duration if waited else 0.0)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = self._spent()
        report.worker_seconds = now - self.last  # type: ignore[attr-defined]
        self.last = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        seconds = getattr(report, "worker_seconds", 0.0)
        self.files[report.nodeid.partition("::")[0]] += seconds
        if report.when != "setup":  # what tests share is its file's
            self.cases[report.nodeid] += seconds

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["worker_seconds"] = worker_seconds() - sum(self.trials)
            output["trials"] = self.trials
            return
        # those hand in their own
        beside = session.config.getoption("numprocesses", None)
        self.whole += time.process_time() if beside else worker_seconds()
        if session.config.getoption("limits") and self.above():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        output = getattr(node, "workeroutput", {})
        self.whole += output.get("worker_seconds", 0.0)
        self.trials += output.get("trials", [])

    @property
    def slowness(self) -> float:
        """How much slower than where the limits were set this processor was, in the mean."""
        return max(1.0, sum(self.trials) / max(1, len(self.trials)) / REFERENCE_S)

    def above(self) -> list[str]:
        """What is above its limit."""
        ring, file, case = (limit * self.slowness for limit in (RING_S, FILE_S, CASE_S))
        run = (
            [f"the run: {self.whole:.0f} of {ring:.0f}"]
            if self.whole > ROOM * ring
            else []
        )
        files = [
            f"{f}: {s:.0f} of {file:.0f}"
            for f, s in self.files.items()
            if s > ROOM * file
        ]
        cases = [
            f"{c}: {s:.1f} of {case:.1f}"
            for c, s in self.cases.items()
            if s > CASE_ROOM * case
        ]
        return run + files + cases

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        if not self.cases:
            return
        terminalreporter.section("worker-seconds")
        terminalreporter.line(f"{self.whole:.0f} in all")
        for case, seconds in self.cases.most_common(MOST_SHOWN):
            terminalreporter.line(f"{seconds:6.1f}  {case}")
        if terminalreporter.config.getoption("limits"):
            terminalreporter.line(
                f"limits are those of a processor {self.slowness:.2f} times slower"
            )
            for line in self.above() or ["none"]:
                terminalreporter.line(f"above the limit: {line}")
