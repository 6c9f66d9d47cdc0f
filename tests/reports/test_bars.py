"""Bars in the cells of a column."""

from defocus.reports.bars import bar_of, bar_scale
from defocus.reports.model import Measured


def test_one_far_number_does_not_flatten_the_others() -> None:
    cells = [Measured(value) for value in (0.9, 0.3, 0.2, -0.1, -17.0)]
    scale = bar_scale(cells)
    assert scale is not None
    assert (scale.low, scale.high) == (-0.1, 0.9)
    assert "<rect" in bar_of(cells[0], scale)
    assert "<rect" not in bar_of(cells[-1], scale)


def test_alike_numbers_and_their_intervals_are_all_on_the_scale() -> None:
    scale = bar_scale([Measured(2.0, (1.5, 2.5)), Measured(-1.0), Measured(None)])
    assert scale is not None
    assert (scale.low, scale.high) == (-1.0, 2.5)
    assert bar_scale([Measured(None)]) is None


def test_zero_is_on_the_scale_of_numbers_that_are_all_above_or_below_it() -> None:
    for values, ends in (((2.0, 3.0), (0.0, 3.0)), ((-2.0, -3.0), (-3.0, 0.0))):
        scale = bar_scale([Measured(value) for value in values])
        assert scale is not None
        assert (scale.low, scale.high) == ends
