"""Where transforms send pixels, and flows that follow one another."""

import numpy as np
import pytest

from defocus.align.sampling.positions import composed, inside, pixel_grid, sampled, transformed


def test_a_homography_divides() -> None:
    matrix = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0], [0.001, 0.0, 1.0]])
    x, y = transformed(pixel_grid(8, 12), matrix)
    assert x[5, 10] == pytest.approx((10 + 2) / 1.01, rel=1e-5)
    assert y[5, 10] == pytest.approx((5 - 1) / 1.01, rel=1e-5)


def test_composed_flow_goes_both_ways_in_turn() -> None:
    """A zoom after a shift: x -> 1.1 (x + 3), so the flow is 0.1 x + 3.3."""
    grid = pixel_grid(20, 60)
    zoom = 0.1 * grid
    shift = np.zeros_like(grid)
    shift[0] = 3.0
    x, y = composed(zoom, shift, grid)
    assert x[:, :56] == pytest.approx(0.1 * grid[0, :, :56] + 3.3, abs=1e-4)
    assert y == pytest.approx(0.1 * grid[1], abs=1e-4)


def test_inside_holds_the_border_and_nothing_beyond() -> None:
    grid = pixel_grid(5, 7)
    assert inside(grid).all()
    assert inside(grid + np.float32(0.5)).sum() == 4 * 6


def test_sampled_values_lie_between_pixels() -> None:
    ramp = pixel_grid(6, 9)[0]
    assert sampled(ramp, pixel_grid(6, 9) + np.float32(0.25))[:, :8] == pytest.approx(
        ramp[:, :8] + 0.25, abs=0.02
    )
