"""Scenes rendered through a real lens."""

import math

import numpy as np
import pytest

from defocus.scene.colour_psf import colour_psfs
from defocus.scene.layers import Layer, field_zones, render_through
from defocus.scene.real_lens import OffAxis, RealLens, Rim
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

REAL = RealLens(
    2.8, 2.0, 90.0, spherical=2.0, coma=OffAxis(1.0, 3.0), lateral_colour_um=(60.0, -40.0),
    front=Rim(-0.4, 1.1), rear=Rim(0.45, 1.1),
)  # fmt: skip
LENS = Lens(
    focal_length_mm=50.0, f_number=2.8, focus_distance_mm=1000.0, sensor_pitch_um=90.0
)
MARGIN = 12
SHAPE = 101, 141
"""With the margin on each side."""


def scene(depth_mm: float, place: tuple[int, int] | None) -> list[Layer]:
    """White, or a point at a row and a column."""
    colour = np.ones((*SHAPE, 3)) if place is None else np.zeros((*SHAPE, 3))
    if place is not None:
        colour[place] = 1.0
    return [Layer(colour, np.ones(SHAPE), depth_mm)]


@pytest.mark.parametrize("depth_mm", [600.0, 1000.0, 1800.0])
@pytest.mark.parametrize(
    ("place", "field"),
    [((50, 70), (0.0, 0.0)), ((50 + 25, 70), (0.0, 25 / np.hypot(58, 38)))],
)
def test_a_point_becomes_the_kernel_of_its_place(depth_mm, place, field):
    """A node of the grid of kernels, where nothing is interpolated; the margin is no field."""
    light = render_through(scene(depth_mm, place), LENS, REAL, MARGIN)
    diameter = float(circle_of_confusion_px(depth_mm, LENS))
    kernel = colour_psfs(REAL, diameter, field)
    half = kernel.shape[-1] // 2
    seen = light[
        place[0] - half : place[0] + half + 1, place[1] - half : place[1] + half + 1
    ]
    error = np.abs(seen - kernel.transpose(1, 2, 0)).max() / kernel.max()
    assert error < 0.04, (
        "kernels of neighbouring places share the compensation of white"
    )


def test_the_corner_of_the_field_is_that_of_the_picture():
    zones = field_zones(SHAPE, margin_px=MARGIN)
    farthest = max(math.hypot(*zone.place) for zone in zones)
    assert farthest == pytest.approx(1.0)
    assert zones[17].place == pytest.approx((0.0, 25 / np.hypot(58, 38)))


def test_white_stays_white_to_the_corners():
    np.testing.assert_allclose(
        render_through(scene(1800.0, None), LENS, REAL, MARGIN), 1.0
    )


def test_an_edge_of_a_foreground_is_transparent_in_each_colour():
    """White before white stays so, although the colours' edges lie apart."""
    alpha = np.zeros(SHAPE)
    alpha[:, :70] = 1.0
    layers = [*scene(1800.0, None), Layer(np.ones((*SHAPE, 3)), alpha, 700.0)]
    np.testing.assert_allclose(
        render_through(layers, LENS, REAL, MARGIN), 1.0, atol=1e-9
    )
