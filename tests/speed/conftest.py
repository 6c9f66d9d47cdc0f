"""What is measured, and what is shown and kept of it."""

from pathlib import Path
from typing import Any

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing is measured where it is not asked for: no ring has it, or imports it."""
    asked_for = config.getoption("benchmark_only", default=False)
    measured = collection_path.name in {"test_feeding.py", "test_speed.py"}
    return True if measured and not asked_for else None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The ratio of each case, after the tables of seconds."""
    for report in terminalreporter.getreports("passed"):
        for name, line in report.user_properties:
            if name == "speed":
                terminalreporter.line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_json(benchmarks: list[Any]) -> list[dict[str, Any]]:
    """``--benchmark-json`` has what ``history`` keeps, and nothing of the machine."""
    return [one.extra_info for one in benchmarks if one.extra_info]
