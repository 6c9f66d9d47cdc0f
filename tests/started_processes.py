"""A test of the default ring that starts a process fails, unless it is one of the smoke tests."""

import sys
from collections.abc import Generator
from multiprocessing.process import BaseProcess

import pytest

EVENTS = frozenset(
    {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"}
)

ASKED_ONCE = frozenset({"/sbin/ldconfig", "fc-list", "uname"})
"""What is asked once in a process, whichever test is first: libraries, fonts, the processor."""


class StartedProcesses:
    """Notes each process that starts, and who may start one."""

    def __init__(self) -> None:
        self.started: list[str] = []
        sys.addaudithook(self._heard)
        start = BaseProcess.start

        def noted(process: BaseProcess) -> None:
            self.started.append(type(process).__name__)
            start(process)

        BaseProcess.start = noted  # type: ignore[method-assign]

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in EVENTS and ASKED_ONCE.isdisjoint(map(str, arguments[:1])):
            self.started.append(f"{event} {arguments[:1]}")

    def pytest_runtest_logstart(self) -> None:
        self.started.clear()  # what came before was no test's

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        rings = {"full", "extra", "smoke"}
        if (
            self.started
            and report.passed
            and not any(map(item.get_closest_marker, rings))
        ):
            report.outcome = "failed"
            report.longrepr = f"starts a process: mark it full ({self.started[0]})"
        self.started.clear()
        return report
