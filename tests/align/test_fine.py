"""Fine detail and grain at full size: what a reduced copy does not show."""

import cv2
import numpy as np
import pytest
from skimage import data

from defocus.align.sharp_member.fine import FineDetail, fine_detail
from defocus.pictures.values import as_linear, linear_to_srgb, srgb_to_linear
from defocus.scene.aperture import disc_psf

HEIGHT, WIDTH = 480, 640
NOISE = 0.004
LUMINANCE = np.float32([0.2126, 0.7152, 0.0722])
STILL = np.eye(3)


@pytest.fixture(scope="module")
def scene():
    """Luminance with texture in the upper part, and an even lower part."""
    light = as_linear(data.astronaut()) @ LUMINANCE
    whole = cv2.resize(light, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    texture = np.random.default_rng(5).normal(1, 0.15, (HEIGHT, WIDTH))
    whole = (0.8 * whole + 0.03) * cv2.GaussianBlur(texture, (0, 0), 0.8)
    whole = whole.astype(np.float32)
    whole[-100:] = 0.3
    return whole


def discs(light, diameter):
    return np.asarray(cv2.filter2D(light, -1, disc_psf(diameter)), np.float32)


def taken(light, seed):
    """A picture of the light with grain, linear."""
    codes = linear_to_srgb(light)
    grain = np.random.default_rng(seed).normal(0, NOISE, light.shape)
    return srgb_to_linear(np.clip(codes + grain, 0, 1).astype(np.float32))


def partly_blurred(light, diameter, part):
    """The light with a part of the columns out of focus."""
    mixed = light.copy()
    mixed[:, part] = discs(light, diameter)[:, part]
    return mixed


LEFT, RIGHT = slice(0, 320), slice(320, 640)


def test_a_good_pair_shows_nothing(scene):
    blurry = taken(partly_blurred(scene, 8.0, LEFT), 0)
    fine = fine_detail(blurry, taken(scene, 1), STILL)
    assert fine.finer_stops < 0.06
    assert abs(fine.grain_stops) < 0.1


def test_a_focus_elsewhere_shows_where_the_blurry_member_is_in_focus(scene):
    blurry = taken(partly_blurred(scene, 8.0, LEFT), 0)
    elsewhere = taken(partly_blurred(scene, 3.0, RIGHT), 1)
    assert fine_detail(blurry, elsewhere, STILL).finer_stops > 0.2


def test_noise_reduction_takes_grain_and_weak_texture(scene):
    blurry = taken(partly_blurred(scene, 8.0, LEFT), 0)
    codes = linear_to_srgb(taken(scene, 1))
    smoothed = cv2.bilateralFilter(codes, 7, 0.1, 2.0)
    fine = fine_detail(blurry, srgb_to_linear(smoothed), STILL)
    assert fine.grain_stops < -0.8
    assert fine.finer_stops > 0.15


def test_detail_is_compared_at_its_place_in_both(scene):
    shift = np.array([[1.0, 0, 24], [0, 1, -16], [0, 0, 1]])
    moved = cv2.warpPerspective(scene, shift, (WIDTH, HEIGHT))
    blurry = taken(partly_blurred(scene, 8.0, LEFT), 0)
    fine = fine_detail(blurry, taken(moved, 1), shift)
    assert fine.finer_stops < 0.06
    assert abs(fine.grain_stops) < 0.1


def test_a_small_or_black_picture_has_none():
    small = np.full((40, 60), 0.3, np.float32)
    assert fine_detail(small, small, STILL) == FineDetail(None, None)
    black = np.zeros((HEIGHT, WIDTH), np.float32)
    assert fine_detail(black, black, STILL) == FineDetail(0.0, None)
