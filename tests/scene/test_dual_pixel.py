"""Whole pictures through apertures and halves of them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.scene.aperture import ROUND, Aperture, DualPixel
from defocus.scene.layers import Layer, render
from defocus.scene.sensor import Sensor, recorded_views, view_difference
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

LENS = Lens(50.0, 1.8, 1000.0, 100.0)
NOISELESS = Sensor(1e12, 0.0)


def point(depth_mm: float, size: int = 61) -> list[Layer]:
    """A bright pixel in the middle of a dim plane."""
    colour = np.full((size, size, 3), 0.05)
    colour[size // 2, size // 2] = 0.9
    return [Layer(colour, np.ones((size, size)), depth_mm)]


def scene(seed: int = 0) -> list[Layer]:
    rng = np.random.default_rng(seed)
    texture = rng.uniform(0.05, 0.9, (2, 80, 96, 3))
    alpha = np.zeros((80, 96))
    alpha[20:60, 30:60] = 1.0
    return [
        Layer(texture[0], np.ones((80, 96)), 2500.0),
        Layer(texture[1], alpha, 620.0),
    ]


def centre_x(picture: NDArray[np.float64]) -> float:
    light = picture.sum(axis=2) - np.median(picture.sum(axis=2))
    x = np.arange(light.shape[1])
    return float((light * x).sum() / light.sum())


@pytest.mark.parametrize("depth", [600.0, 2500.0])
def test_disparity_is_in_proportion_to_the_signed_circle_of_confusion(depth):
    full = render(point(depth), LENS)
    half = view_difference(point(depth), LENS, DualPixel("half-disc"))
    left, right = full + half, full - half
    expected = 4 / (3 * np.pi) * float(circle_of_confusion_px(depth, LENS))
    assert abs(expected) > 2
    assert centre_x(right) - centre_x(left) == pytest.approx(expected, rel=0.05)


def test_in_focus_the_views_are_equal():
    assert np.abs(view_difference(point(1000.0), LENS, DualPixel())).max() == 0


@pytest.mark.parametrize(
    "aperture", [ROUND, Aperture(blades=6, spherical=0.5, cats_eye=0.4)]
)
@pytest.mark.parametrize("sensor", [NOISELESS, Sensor()])
def test_the_mean_of_the_views_is_the_full_view_at_every_pixel(aperture, sensor):
    full = np.clip(render(scene(), LENS, aperture), 0, 1)
    difference = view_difference(scene(), LENS, DualPixel(), aperture)
    left, right = recorded_views(full, difference, sensor, 1)
    assert np.abs((left + right) / 2 - full).max() < 1e-12
    assert min(left.min(), right.min()) >= 0
    assert max(left.max(), right.max()) <= 1
    assert np.abs(left - right).mean() > 0.01


def test_the_views_noise_is_that_of_half_a_pixel():
    """Halves with half the electrons: twice the variance of the whole, and independent."""
    flat = np.full((200, 200, 3), 0.4)
    sensor = Sensor(2000.0, 4.0)
    from defocus.scene.sensor import exposed

    full = exposed(flat, sensor, 1)
    left, right = recorded_views(full, np.zeros_like(flat), sensor, 2)
    assert left.var() == pytest.approx(2 * full.var(), rel=0.02)
    correlation = np.corrcoef(left.ravel(), right.ravel())[0, 1]
    assert abs(correlation) < 0.01


def test_cats_eye_keeps_the_exposure_and_flat_pictures_flat():
    """The sharp member is taken without any: a darker blurry one would teach to brighten."""
    flat = [Layer(np.full((80, 120, 3), 0.5), np.ones((80, 120)), 2500.0)]
    picture = render(flat, LENS, Aperture(cats_eye=0.4))
    assert np.allclose(picture, render(flat, None), atol=1e-12)
    foreground = np.zeros((80, 120))
    foreground[:20, :30] = 1.0
    black = Layer(np.zeros((80, 120, 3)), foreground, 620.0)
    covered = render([*flat, black], LENS, Aperture(cats_eye=0.4))
    # an opaque thing stays opaque where the pupil is covered
    assert covered[2, 2, 0] < 1e-9


def test_views_share_the_light_of_a_covered_pupil():
    flat = [Layer(np.full((80, 120, 3), 0.5), np.ones((80, 120)), 2500.0)]
    aperture, dual_pixel = Aperture(cats_eye=0.4), DualPixel("half-disc")
    left, right = (
        render(flat, LENS, aperture, half=(dual_pixel, side))
        for side in ("left", "right")
    )
    assert np.allclose((left + right) / 2, 0.5, atol=1e-9)
    # to the right the outer rim cuts more
    assert left[40, -1, 0] > right[40, -1, 0] + 0.02
    assert np.allclose(left[:, ::-1], right, atol=1e-9)


def test_an_odd_polygon_is_turned_over_in_front_of_the_focus():
    """The kernel is convolved with, not correlated."""
    aperture = Aperture(blades=5, turn_deg=20)
    behind, before = (
        render(point(depth), LENS, aperture)[:, :, 0] - 0.05
        for depth in (2500.0, 625.0)
    )
    assert float(circle_of_confusion_px(2500.0, LENS)) == pytest.approx(
        -float(circle_of_confusion_px(625.0, LENS))
    )
    assert np.allclose(behind, before[::-1, ::-1], atol=1e-9)
    assert not np.allclose(behind, before, atol=1e-4)
