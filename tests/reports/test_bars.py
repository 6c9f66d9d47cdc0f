"""Bars in the cells of a column."""

import pytest

from defocus.reports.model import Measured
from defocus.reports.rows import bar_of, bar_scale

BARS = ("up", "down")
FAR = [Measured(value) for value in (0.9, 0.3, 0.2, -0.1, -17.0)]


@pytest.mark.parametrize(
    ("cells", "ends"),
    [
        (FAR, (-0.1, 0.9)),
        ([Measured(2.0, (1.5, 2.5)), Measured(-1.0), Measured(None)], (-1.0, 2.5)),
        ([Measured(2.0), Measured(3.0)], (0.0, 3.0)),
        ([Measured(-2.0), Measured(-3.0)], (-3.0, 0.0)),
    ],
    ids=["one far number", "intervals", "all above 0", "all below 0"],
)
def test_a_scale_holds_all_but_a_far_one(cells, ends):
    scale = bar_scale(cells)
    assert (scale.low, scale.high) == ends
    drawn = [any(f'class="{kind}"' in bar_of(cell, scale) for kind in BARS) for cell in cells]
    assert drawn[0]
    assert drawn[-1] == (cells != FAR and cells[-1].value is not None)


def test_cells_without_numbers_have_no_scale():
    assert bar_scale([Measured(None)]) is None
