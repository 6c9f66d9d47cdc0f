"""Bars in the cells of a column."""

import pytest

from defocus.reports.html_rows import bar_of, bar_scale
from defocus.reports.model import Measured

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
    drawn = [
        any(f'class="{kind}"' in bar_of(cell, scale) for kind in BARS) for cell in cells
    ]
    assert drawn[0]
    assert drawn[-1] == (cells != FAR and cells[-1].value is not None)


def test_an_interval_is_a_line_with_two_ends_over_the_bar():
    cells = [Measured(2.0, (1.5, 2.5)), Measured(-1.0), Measured(0.5, (-9.0, 9.0))]
    scale = bar_scale(cells[:2])
    left, right = scale.place(1.5), scale.place(2.5)
    line = f'<path d="M{left:g} 8H{right:g}M{left:g} 5v6M{right:g} 5v6"/>'
    assert line in bar_of(cells[0], scale)
    assert scale.place(2.0) == pytest.approx((left + right) / 2, abs=0.2)
    assert " 8H" not in bar_of(cells[1], scale), "it has no interval"
    assert f'd="M{scale.place(-1.0):g} 8H{right:g}' in bar_of(cells[2], scale), (
        "cut at the scale"
    )


def test_cells_without_numbers_have_no_scale():
    assert bar_scale([Measured(None)]) is None
