"""What a run costs: the processor time of each test and of the processes that it starts.

Seconds of the clock depend on what else the machine does; these hardly do. The run's own sum stands
below its results, and ``--limits`` fails a run of the default ring that is above one.
"""

import os
import resource
import time
from collections import Counter
from collections.abc import Generator
from multiprocessing import forkserver
from pathlib import Path

import pytest

CASE_S, FILE_S, RING_S = 1.0, 30.0, 360.0
"""Most worker-seconds of a case, of a file and of the default ring: two cores for three minutes."""

ROOM = 1.5
"""The ring and a file may take so often as much as their limits: processors differ."""

COMPILING_S = 8.0
"""What a case may take beside its limit: in a fresh checkout the first one waits for compilers."""

MOST_SHOWN = 10


def worker_seconds() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + _of_commands()


def _of_commands() -> float:
    """Processor time of the clean process that commands are forks of, and of those that ended."""
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)  # type: ignore[attr-defined]
    try:
        words = Path(f"/proc/{server}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


class Costs:
    """Of one process: what its tests took so far; of the one that prints: what all took."""

    def __init__(self) -> None:
        self.last = 0.0
        self.whole = 0.0
        self.cases: Counter[str] = Counter()
        self.files: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self.last = worker_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = worker_seconds()
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
            output["worker_seconds"] = worker_seconds()
            return
        beside = session.config.getoption("numprocesses", None)  # those hand in their own
        self.whole += time.process_time() if beside else worker_seconds()
        if session.config.getoption("limits") and self.above():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.whole += getattr(node, "workeroutput", {}).get("worker_seconds", 0.0)

    def above(self) -> list[str]:
        """What is above its limit."""
        return [
            *(
                f"the run: {self.whole:.0f} of {RING_S:.0f}"
                for _ in [0]
                if self.whole > ROOM * RING_S
            ),
            *(f"{f}: {s:.0f} of {FILE_S:.0f}" for f, s in self.files.items() if s > ROOM * FILE_S),
            *(
                f"{c}: {s:.1f} of {CASE_S:.0f}"
                for c, s in self.cases.items()
                if s > CASE_S + COMPILING_S
            ),
        ]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.cases:
            return
        terminalreporter.section("worker-seconds")
        terminalreporter.line(f"{self.whole:.0f} in all")
        for case, seconds in self.cases.most_common(MOST_SHOWN):
            terminalreporter.line(f"{seconds:6.1f}  {case}")
        if terminalreporter.config.getoption("limits"):
            for line in self.above() or ["none"]:
                terminalreporter.line(f"above the limit: {line}")
