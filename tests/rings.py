"""The rings of the tests: what plain ``pytest`` runs, what ``-m full`` and ``-m extra`` add.

A test is in the full ring where it is marked ``full``, opens a browser or asks for a fixture that
starts a process. The extras and the research are folders of tests. Everything else is the default
ring.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.imports import imports_of

__all__ = ["DEFAULT", "FULL", "extra_of", "give_ring", "left_unread", "unreached"]

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent

DEFAULT, FULL = "not full and not extra", "full and not extra"
"""The rings of the core, as ``pytest -m`` takes them."""

PROCESS_FIXTURES = frozenset({"bench", "run", "run_afresh", "start_bench"})
"""Fixtures whose tests are in the full ring."""

BROWSER = TESTS / "browser"
"""A folder whose tests are in the full ring."""

WHOLE_FILE = re.compile(r"^pytestmark = pytest\.mark\.full$", re.MULTILINE)


def extra_of(path: Path) -> str | None:
    """Name of the extra that a file of tests is of; ``research`` makes the published data."""
    rooms = path.relative_to(TESTS).parts[:-1] if path.is_relative_to(TESTS) else ()
    return rooms[-1] if rooms[:1] in {("extras",), ("research",)} else None


def left_unread(path: Path) -> bool:
    """Whether the default ring has nothing of a file, so that it need not be imported."""
    if not path.match("test_*.py"):
        return False
    if extra_of(path) is not None or path.is_relative_to(BROWSER):
        return True
    return WHOLE_FILE.search(path.read_text(encoding="utf-8")) is not None


def give_ring(item: pytest.Function) -> None:
    """Mark a test ``extra`` or ``full`` where its file or its fixtures say so."""
    if extra_of(item.path) is not None:
        item.add_marker("extra")
    elif item.get_closest_marker("smoke") is None and (
        item.path.is_relative_to(BROWSER) or PROCESS_FIXTURES.intersection(item.fixturenames)
    ):
        item.add_marker("full")


def unreached(revision: str, items: Sequence[pytest.Item]) -> set[pytest.Item]:
    """Tests of the extras and the research that lead to nothing that has changed.

    Without git, and where a file is neither Python nor prose, everything counts as changed."""
    words = ["git", "diff", "--name-only", "--relative", revision]
    listed = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    changed = [CHECKOUT / line for line in listed.stdout.splitlines()]
    if listed.returncode or any(path.suffix not in {".py", ".md"} for path in changed):
        return set()
    imports = imports_of(CHECKOUT)
    reached: set[str] = set()
    for path in changed:
        reached.update(imports.ways(imports.module_of(path)) if path.suffix == ".py" else ())
    return {
        item
        for item in items
        if item.get_closest_marker("extra")
        and item.path.relative_to(CHECKOUT).as_posix() not in reached
    }
