"""One exposure and one blur for both members of a pair."""

import cv2
import numpy as np
import pytest

from defocus.align.photometry.equalise import disc_blurred, equalised
from defocus.align.photometry.exposure import light_ratio, vignetting_ev
from defocus.scene.aperture import disc_psf
from defocus.scene.pictures import texture

SIZE = 160, 192
EVERYWHERE = np.ones(SIZE, dtype=bool)
INNER = (slice(20, -20), slice(20, -20))


def picture(name: str = "gravel") -> np.ndarray:
    return texture(name, SIZE[1], SIZE[0]).mean(axis=2).astype(np.float32)


def noisy(linear: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.002, linear.shape)
    return np.maximum(linear + noise, 0).astype(np.float32)


def exactly_blurred(linear: np.ndarray, diameter_px: float) -> np.ndarray:
    kernel = disc_psf(diameter_px).astype(np.float32)
    return cv2.filter2D(linear, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("diameter_px", [3.0, 11.5, 14.0, 20.5, 25.0, 43.0])
def test_great_discs_on_a_reduced_copy_blur_alike(diameter_px):
    sharp = picture("coffee")
    difference = disc_blurred(sharp, diameter_px) - exactly_blurred(sharp, diameter_px)
    assert np.abs(difference[INNER]).mean() < 0.02 * sharp[INNER].std()


@pytest.mark.parametrize("diameter_px", [3.4, 8.0, 18.0])
def test_blur_is_found(diameter_px):
    sharp = picture()
    equal = equalised(
        noisy(exactly_blurred(sharp, diameter_px), 1), noisy(sharp, 2), EVERYWHERE
    )
    # texture as fine as noise everywhere makes small blurs look a little smaller
    assert np.median(equal.coc_px[INNER]) == pytest.approx(
        diameter_px, rel=0.08, abs=0.45
    )
    left = np.abs(equal.sharp - equal.blurry)[INNER].mean()
    assert left < 0.15 * np.abs(sharp - equal.blurry)[INNER].mean()


def test_blur_of_the_other_member_is_negative_and_given_to_the_blurry_one():
    sharp = picture()
    equal = equalised(
        noisy(sharp, 1), noisy(exactly_blurred(sharp, 5.0), 2), EVERYWHERE
    )
    assert np.median(equal.coc_px[INNER]) == pytest.approx(-5.0, rel=0.1)
    assert equal.blurry[INNER].std() < 0.8 * sharp[INNER].std()


def test_blur_changes_over_the_picture():
    sharp = picture()
    blurry = exactly_blurred(sharp, 10.0)
    blurry[:, :96] = sharp[:, :96]
    coc_px = equalised(noisy(blurry, 1), noisy(sharp, 2), EVERYWHERE).coc_px
    assert np.abs(coc_px[20:-20, 20:70]).mean() < 1.5
    assert coc_px[20:-20, 120:-20].mean() == pytest.approx(10.0, abs=1.0)


def test_equal_members_stay_as_they_are():
    sharp = picture()
    equal = equalised(noisy(sharp, 1), noisy(sharp, 2), EVERYWHERE)
    assert np.abs(equal.sharp - sharp)[INNER].mean() < 0.2 * sharp[INNER].std()


def test_what_the_sharp_member_does_not_show_is_no_difference():
    sharp, valid = picture(), EVERYWHERE.copy()
    valid[:, :60] = False
    broken = sharp.copy()
    broken[:, :60] = 0.0
    blurry = exactly_blurred(sharp, 6.0)
    equal = equalised(noisy(blurry, 1), noisy(broken, 2), valid)
    assert np.array_equal(equal.sharp[:, :60], equal.blurry[:, :60])
    assert np.median(equal.coc_px[20:-20, 62:80]) == pytest.approx(6.0, abs=1.0)


@pytest.mark.parametrize("gain", [1.0, 1.23, 0.8])
def test_light_ratio_is_blind_to_blur(gain):
    sharp = 0.5 * picture("coffee")
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    radius = np.hypot((x - 95.5) / 95.5, (y - 79.5) / 95.5) / np.hypot(1, 79.5 / 95.5)
    truth = np.float32(gain) * (1 - 0.3 * radius**2)
    ratio = light_ratio(
        noisy(exactly_blurred(sharp, 9.0) * truth, 1), noisy(sharp, 2), EVERYWHERE
    )
    assert ratio.shape == sharp.shape
    error_ev = np.abs(np.log2(ratio / truth))
    assert error_ev.mean() < 0.03
    assert error_ev.max() < 0.15


@pytest.mark.parametrize("corner_ev", [0.5, 1.0, 1.5, 2.0, 2.5])
def test_vignetting_of_a_fast_lens_is_measured_under_blur(corner_ev):
    """By the law of the fourth power of the cosine, which is no polynomial in the logarithm."""
    sharp = 0.5 * picture("coffee")
    y, x = np.mgrid[-1 : 1 : SIZE[0] * 1j, -1 : 1 : SIZE[1] * 1j]
    fall = (1 + (2 ** (corner_ev / 2) - 1) * (x * x + y * y) / 2) ** -2
    blurry = noisy(1.3 * fall * exactly_blurred(sharp, 9.0), 1)
    assert vignetting_ev(blurry, noisy(sharp, 2), EVERYWHERE) == pytest.approx(
        corner_ev, abs=0.2
    )


def test_light_that_cannot_be_compared():
    white = np.ones(SIZE, np.float32)
    assert vignetting_ev(white, 0.5 * white, EVERYWHERE) is None
    assert np.array_equal(light_ratio(white, 0.5 * white, EVERYWHERE), white)
