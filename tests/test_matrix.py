"""Plain pytest leaves out thorough tests and four of five cases of a matrix, and nothing else."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.matrix import cases_left_out

TESTS = Path(__file__).parent


@dataclass(frozen=True)
class Item:
    """What the choice asks a test for."""

    nodeid: str
    marks: tuple[str, ...] = ()

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def test_every_fifth_case_of_each_matrix_stays() -> None:
    first = [Item(f"a.py::one[{k}]", ("matrix",)) for k in range(7)]
    second = [Item("a.py::two[x-[y]]", ("matrix", "slow"))]
    others = [Item(f"b.py::three[{k}]") for k in range(7)]
    items: list[Any] = [*first, *others, *second]
    assert cases_left_out(items) == [*first[1:5], first[6]]


def test_thorough_tests_are_left_out_also_in_a_matrix() -> None:
    matrix = [Item(f"a.py::one[{k}]", marks) for k, marks in enumerate(
        [("matrix",), ("matrix", "thorough"), ("matrix",)])]  # fmt: skip
    items: list[Any] = [*matrix, Item("a.py::two", ("thorough",)), Item("a.py::three")]
    assert cases_left_out(items) == [matrix[1], matrix[2], items[3]]


TWIN = re.compile(r"pytest\.mark\.thorough(?:\s+# twin: (?:(\S+)::)?(test_\w+)$)?", re.MULTILINE)


def test_thorough_tests_name_a_twin_that_always_runs() -> None:
    """``# twin: test_name`` of the same file, or ``# twin: folder/file.py::test_name``."""
    marked = 0
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for file, name in TWIN.findall(text) if path != Path(__file__) else []:
            marked += 1
            twin = (TESTS / file).read_text(encoding="utf-8") if file else text
            assert name, f"{path}: a thorough test without '# twin: test_…'"
            before, _, rest = twin.partition(f"\ndef {name}(")
            assert rest, f"{path}: there is no test {name}"
            marks = before.rpartition("\n\n")[2]
            assert not re.search(r"^@pytest\.mark\.(thorough|slow)", marks, re.MULTILINE), name
    assert marked > 5
