"""Softness of a whole picture: kernels are centred, and as wide as they say."""

import numpy as np
import pytest

from defocus.scene.softness import (
    COLOUR_SHIFT_PX,
    REACH_PX,
    SIGMA_PX,
    draw_softness,
    softened,
    with_softness,
)

PLACES = np.arange(-REACH_PX, REACH_PX + 1)


def moments(kernel):
    """Centre (x, y) of a kernel's light, and its standard deviation along one axis."""
    light = kernel.astype(float)
    x, y = (light * PLACES).sum(), (light * PLACES[:, None]).sum()
    square = (PLACES - x) ** 2 + (PLACES[:, None] - y) ** 2
    return x, y, np.sqrt((light * square).sum() / 2)


@pytest.mark.parametrize("seed", range(40))
def test_a_kernel_keeps_the_light_in_place_and_spreads_it_as_it_says(seed):
    softness = draw_softness(np.random.default_rng(seed))
    assert softness.kernel.shape == (3, 2 * REACH_PX + 1, 2 * REACH_PX + 1)
    assert softness.kernel.min() >= 0
    np.testing.assert_allclose(softness.kernel.sum(axis=(1, 2)), 1, atol=1e-5)
    assert SIGMA_PX[0] <= softness.sigma_px <= SIGMA_PX[1]
    x, y, sigma = moments(softness.kernel[1])
    assert abs(x) < 0.05
    assert abs(y) < 0.05
    assert sigma == pytest.approx(softness.sigma_px, rel=0.15)
    for colour in (0, 2):
        x, y, sigma = moments(softness.kernel[colour])
        assert np.hypot(x, y) < COLOUR_SHIFT_PX + 0.05
        assert sigma == pytest.approx(softness.sigma_px, rel=0.35)


def test_half_of_the_kernels_are_gaussians_of_one_colour():
    drawn = [draw_softness(np.random.default_rng(seed)).kernel for seed in range(120)]
    plain = [np.array_equal(one[0], one[2]) for one in drawn]
    assert np.mean(plain) == pytest.approx(0.5, abs=0.15)
    for kernel, is_plain in zip(drawn, plain, strict=True):
        if is_plain:
            np.testing.assert_allclose(kernel[0], kernel[0][::-1, ::-1], atol=1e-6)


def test_a_point_becomes_the_kernel():
    softness = draw_softness(np.random.default_rng(3))
    side = 4 * REACH_PX + 1
    point = np.zeros((side, side, 3), np.float32)
    point[side // 2, side // 2] = 5
    spread = softened(point, softness)
    assert spread.shape == (2 * REACH_PX + 1, 2 * REACH_PX + 1, 3)
    assert spread.min() >= 0
    turned = softness.kernel[:, ::-1, ::-1].transpose(1, 2, 0)
    np.testing.assert_allclose(spread, 5 * turned, atol=1e-5)


def test_diameters_are_those_of_discs_that_spread_as_much():
    softness = draw_softness(np.random.default_rng(3))
    diameters = np.array([[-3.0, 0.0, 3.0]], np.float32)
    whole = with_softness(diameters, softness)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole[0, 1], 4 * softness.sigma_px, rtol=1e-6)
    np.testing.assert_allclose(
        (whole[0, 2] / 4) ** 2, (3 / 4) ** 2 + softness.sigma_px**2, rtol=1e-5
    )
    assert whole[0, 0] == -whole[0, 2]
