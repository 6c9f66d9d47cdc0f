"""The rings of the tests: what plain ``pytest`` runs, what ``-m full`` and ``-m extra`` add.

A test is full where it is marked so, opens a browser or asks for a fixture that starts a process.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.imports import imports_of

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent

DEFAULT, FULL, EXTRA = "not full and not extra", "full and not extra", "extra"
"""The rings, as ``pytest -m`` takes them."""

PROCESS_FIXTURES = frozenset({"bench", "run", "run_afresh", "start_bench"})
"""Fixtures whose tests are in the full ring."""

BROWSER = TESTS / "browser"
"""A folder whose tests are in the full ring."""

WHOLE_FILE = re.compile(r"^pytestmark = pytest\.mark\.full$", re.MULTILINE)


def extra_of(path: Path) -> str | None:
    """Name of the extra that a file of tests is of; ``research`` makes the published data."""
    rooms = path.relative_to(TESTS).parts[:-1] if path.is_relative_to(TESTS) else ()
    return rooms[-1] if rooms[:1] in {("extras",), ("research",)} else None


def left_unread(path: Path, ring: str) -> bool:
    """Whether a ring has nothing of a file, so that it need not be imported."""
    if not path.match("test_*.py") or ring not in {DEFAULT, FULL, EXTRA}:
        return False
    if (extra_of(path) is not None) != (ring == EXTRA):
        return True
    return ring == DEFAULT and (
        path.is_relative_to(BROWSER)
        or WHOLE_FILE.search(path.read_text(encoding="utf-8")) is not None
    )


def give_ring(item: pytest.Function) -> None:
    """Mark a test ``extra`` or ``full`` where its file or its fixtures say so."""
    if extra_of(item.path) is not None:
        item.add_marker("extra")
    elif item.get_closest_marker("smoke") is None and (
        item.path.is_relative_to(BROWSER)
        or PROCESS_FIXTURES.intersection(item.fixturenames)
    ):
        item.add_marker("full")


def changed_since(revision: str) -> list[Path] | None:
    """Files that differ from a revision of git, new ones included; none where git cannot say."""
    listed = [
        subprocess.run(
            ["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        for words in (
            ("diff", "-z", "--name-only", "--no-renames", "--relative", revision),
            ("ls-files", "-z", "--others", "--exclude-standard"),
        )
    ]
    if any(answer.returncode for answer in listed):
        return None
    return [
        CHECKOUT / name
        for answer in listed
        for name in answer.stdout.split("\0")
        if name
    ]


def unreached(
    changed: Sequence[Path] | None, items: Sequence[pytest.Item]
) -> set[pytest.Item]:
    """Tests of the extras and the research that lead to nothing that has changed.

    What is neither Python nor prose counts as everything, and so does Python that is gone."""
    reached: set[str] = set()
    whole: set[str | None] = set()
    for path in changed or ():
        room = _room_of(path)
        whole.add(room)
        if path.suffix == ".py" and path.exists():
            imports = imports_of(CHECKOUT)
            module = imports.module_of(path)
            reached.update(imports.ways(module, through_core=room is None))
        elif path.suffix != ".md":
            return set()
    return {
        item
        for item in items
        if changed is not None
        and item.get_closest_marker("extra")
        and extra_of(item.path) not in whole
        and item.path.relative_to(CHECKOUT).as_posix() not in reached
    }


def _room_of(path: Path) -> str | None:
    """The extra in whose folder a file is."""
    rooms = [word for word in path.relative_to(CHECKOUT).parts[:-1] if word != "tests"]
    return rooms[1] if rooms[:1] == ["extras"] and len(rooms) > 1 else None
