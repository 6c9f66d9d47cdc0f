"""Arrows over a picture point where the field does."""

import numpy as np
import pytest

from defocus.reports.pictures import displacement_arrows


@pytest.mark.parametrize(("x", "y"), [(0.3, 0.0), (0.0, -0.3), (-2.0, 2.0)])
def test_arrows_point_along_the_field_and_fit_between_each_other(x: float, y: float) -> None:
    field = np.zeros((2, 160, 320))
    field[0], field[1] = x, y
    factor, drawn = displacement_arrows(field)
    assert 6 <= factor * np.hypot(x, y) <= 16
    yellow = (drawn == (255, 214, 10, 255)).all(axis=2)
    ys, xs = (found + 33 for found in np.nonzero(yellow[33:67, 33:67]))
    start = np.array([50, 50])
    end = start + factor * np.array([x, y])
    spread = np.array([[xs.min(), ys.min()], [xs.max(), ys.max()]])
    assert (spread[0] <= np.minimum(start, end) + 1).all()
    assert (spread[1] >= np.maximum(start, end) - 1).all()


def test_nothing_is_drawn_where_the_field_is_not_known() -> None:
    factor, drawn = displacement_arrows(np.full((2, 64, 64), np.nan))
    assert factor == 1
    assert not drawn.any()
    still, dots = displacement_arrows(np.zeros((2, 64, 64)))
    assert still == 1
    assert dots[..., 3].any()
