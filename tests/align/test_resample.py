"""The one interpolation: right positions, no aliasing, no seams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from defocus.align.photometry.linear_light import (
    LUMINANCE,
    reduced_light,
    reduced_twice,
)
from defocus.align.rig import LensCalibration, Rig
from defocus.align.sampling.kernels import KERNELS
from defocus.align.sampling.pyramid import reduced
from defocus.align.sampling.resample import (
    LocalFlow,
    Placement,
    Rectangle,
    ReleaseGrid,
    Resampling,
    inside_frame,
    largest_rectangle,
    resampled,
    resampled_light,
    whole,
)
from defocus.pictures.values import as_float, as_linear, srgb_to_linear
from defocus.scene.geometry import IDENTITY, Similarity
from tests.align.analytic import stored, waves
from tests.align.synthetic import homogeneous

WIDTH, HEIGHT = 150, 110
SHAPE = (HEIGHT, WIDTH)
HOMOGRAPHY = np.array([[1.01, 0.004, 3.2], [-0.006, 0.99, -2.4], [2e-5, -1e-5, 1.0]])


def bulge() -> LocalFlow:
    y, x = np.mgrid[0:28, 0:38].astype(np.float32)
    return LocalFlow(np.stack([np.sin(x / 9) + 0.3, np.cos(y / 7 + x / 11)]), 4)


def rig() -> Rig:
    camera = LensCalibration(
        matrix=((160.0, 0.0, 74.0), (0.0, 161.0, 55.0), (0.0, 0.0, 1.0)),
        distortion=(-0.08, 0.01, 1e-3, -5e-4, 0.0),
    )
    return Rig(
        blurry_size=(WIDTH, HEIGHT), sharp_size=(WIDTH, HEIGHT), mirrored=True,
        blurry_camera=camera, sharp_camera=camera,
    )  # fmt: skip


PLACEMENTS = {
    "identity": Placement(np.eye(3)),
    "similarity": Placement(homogeneous(Similarity(1.03, 1.0, (4.3, -2.1)), SHAPE)),
    "homography": Placement(HOMOGRAPHY),
    "flow": Placement(HOMOGRAPHY, bulge()),
    "rig": Placement(HOMOGRAPHY, bulge(), rig()),
}


@pytest.mark.parametrize("name", PLACEMENTS)
@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_the_height_of_the_strips_cannot_be_seen(name, scale):
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 65536, (HEIGHT, WIDTH, 3), np.uint16)
    grid = ReleaseGrid(Rectangle(5, 3, 131, 97), scale)
    how = Resampling(PLACEMENTS[name], grid, "lanczos")
    at_once = resampled(picture, how, strip=10**9)
    for strip in (1, 700, 3001):
        assert np.array_equal(resampled(picture, how, strip=strip), at_once)
    light = resampled_light(picture, how, strip=10**9)
    assert np.array_equal(resampled_light(picture, how, strip=1), light)


@pytest.mark.parametrize("name", PLACEMENTS)
@pytest.mark.parametrize(("kernel", "limit"), [("lanczos", 2e-3), ("bicubic", 4e-3)])
def test_positions_are_those_of_the_placement(name, kernel, limit):
    """Each pixel shows the light at its exact position, with all transforms composed."""
    light = waves(2, shortest_px=12)
    grid = ReleaseGrid(Rectangle(20, 15, 100, 70))
    resampled = resampled_light(
        stored(light, WIDTH, HEIGHT), Resampling(PLACEMENTS[name], grid, kernel)
    )
    truth = light(*PLACEMENTS[name](grid.columns(), grid.rows()))
    inner = inside_frame(PLACEMENTS[name], grid, (HEIGHT - 8, WIDTH - 8))
    assert inner.mean() > 0.5
    assert np.abs(resampled - truth)[inner].max() < limit


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kernel", KERNELS)
def test_identity_and_whole_steps_keep_every_pixel(bits, kernel):
    kind = np.uint8 if bits == 8 else np.uint16
    picture = np.random.default_rng(0).integers(
        0, 2**bits, (HEIGHT, WIDTH, 3), dtype=kind
    )
    how = Resampling(Placement(np.eye(3)), ReleaseGrid(whole(SHAPE)), kernel)
    assert np.array_equal(resampled(picture, how), picture)
    step = Placement(homogeneous(Similarity(shift_px=(3.0, -2.0)), SHAPE))
    moved = resampled(
        picture, Resampling(step, ReleaseGrid(Rectangle(0, 2, 147, 108)), kernel)
    )
    assert np.array_equal(moved, picture[0:108, 3:150])


@pytest.mark.parametrize("kernel", ["lanczos", "bicubic"])
def test_reduction_does_not_alias(kernel):
    """A wave of 2.4 px is beyond half size: it becomes its mean, under a transform too."""
    fast = stored(
        lambda x, _: 0.3 + 0.2 * np.sin(x * np.pi / 1.2)[..., None], WIDTH, HEIGHT
    )
    fast = np.repeat(fast, 3, axis=2)
    for similarity in (IDENTITY, Similarity(1.02, 1.0, (0.4, 0.7))):
        placement = Placement(homogeneous(similarity, SHAPE))
        grid = ReleaseGrid(Rectangle(20, 20, 100, 70), 0.5)
        light = resampled_light(fast, Resampling(placement, grid, kernel))
        plain = resampled_light(
            fast, Resampling(placement, ReleaseGrid(grid.crop), kernel)
        )
        assert light.std() < 0.08 * plain.std()
        assert light.mean() == pytest.approx(as_linear(fast).mean(), rel=0.02)


@pytest.mark.parametrize("scale", [0.5, 0.25, 0.4])
def test_a_reduced_picture_shows_the_scene_where_it_was(scale):
    light = waves(4, shortest_px=40)
    grid = ReleaseGrid(Rectangle(11, 7, 120, 90), scale)
    assert grid.shape == (int(90 * scale), int(120 * scale))
    resampled = resampled_light(
        stored(light, WIDTH, HEIGHT), Resampling(Placement(np.eye(3)), grid, "lanczos")
    )
    x, y = np.meshgrid(grid.columns(), grid.rows())
    assert np.abs(resampled - light(x, y))[3:-3, 3:-3].max() < 0.012
    assert grid.columns()[0] - 10.5 == pytest.approx(0.5 / scale), (
        "corners of areas coincide"
    )


def test_light_from_the_table_and_in_strips():
    picture = np.random.default_rng(3).integers(0, 65536, (531, 24, 3), np.uint16)
    direct = srgb_to_linear(as_float(picture))
    assert np.array_equal(as_linear(picture), direct)
    assert np.array_equal(reduced_light(picture, 3), reduced(direct, 3))
    assert np.array_equal(reduced_light(picture, 1), direct)
    # halved without the whole
    for odd in (picture[:, :23], (picture >> 8).astype(np.uint8)):
        assert np.array_equal(reduced_light(odd, 2), reduced(as_linear(odd), 2))
    for factor, further in ((1, 1), (1, 3), (2, 2), (3, 1)):
        luminance, light = reduced_twice(picture, factor, further)
        once = reduced_light(picture, factor, LUMINANCE)
        np.testing.assert_allclose(luminance, once, atol=1e-6)
        np.testing.assert_allclose(
            light, reduced_light(picture, factor * further), atol=1e-6
        )


def test_inside_frame_keeps_the_border_of_the_identity():
    grid = ReleaseGrid(whole(SHAPE))
    assert inside_frame(Placement(homogeneous(IDENTITY, SHAPE)), grid, SHAPE).all()
    shifted = inside_frame(
        Placement(homogeneous(Similarity(shift_px=(2.5, 0.0)), SHAPE)), grid, SHAPE
    )
    assert shifted.all(axis=0).tolist() == [True] * (WIDTH - 3) + [False] * 3


def largest_by_trying(mask: NDArray[np.bool_]) -> int:
    height, width = mask.shape
    total = np.zeros((height + 1, width + 1), int)
    total[1:, 1:] = mask.cumsum(0).cumsum(1)
    best = 0
    for top in range(height):
        for bottom in range(top + 1, height + 1):
            for left in range(width):
                for right in range(left + 1, width + 1):
                    area = (bottom - top) * (right - left)
                    count = total[bottom, right] - total[top, right]
                    if count - total[bottom, left] + total[top, left] == area:
                        best = max(best, area)
    return best


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1), st.floats(0.3, 1.0)
)
def test_largest_rectangle(height, width, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    rectangle = largest_rectangle(mask)
    if rectangle is None:
        assert not mask.any()
        return
    assert rectangle.of(mask).all()
    assert (
        rectangle.of(mask).size
        == rectangle.width * rectangle.height
        == largest_by_trying(mask)
    )
