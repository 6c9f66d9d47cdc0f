"""Plain pytest runs every fifth case of a matrix, and all of everything else."""

from dataclasses import dataclass
from typing import Any

from tests.matrix import cases_left_out


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
