"""Blur of a pair that is too wide for the grid of the flow."""

import cv2
import numpy as np
import pytest

from defocus.align.compensation.blur_map import blur_map
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.photometry.equalise import equalised
from defocus.align.photometry.wide_blur import (
    known_blur,
    largest_blur_px,
    with_wide_blur,
)
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.scene.aperture import disc_psf
from defocus.scene.pictures import texture

HEIGHT, WIDTH = 480, 640
EVERYWHERE = np.ones((HEIGHT, WIDTH), dtype=bool)


def noisy(linear: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.002, linear.shape)
    return np.maximum(linear + noise, 0).astype(np.float32)


def blurred_beside_sharp(linear: np.ndarray, diameter_px: float) -> np.ndarray:
    """A third in focus at the left, and the rest under one disc."""
    kernel = disc_psf(diameter_px).astype(np.float32)
    blurry = cv2.filter2D(linear, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
    third = linear.shape[1] // 3
    blurry[:, :third] = linear[:, :third]
    return blurry


def members(diameter_px: float) -> tuple[np.ndarray, np.ndarray]:
    sharp = texture("coffee", WIDTH, HEIGHT).mean(axis=2).astype(np.float32)
    return noisy(blurred_beside_sharp(sharp, diameter_px), 1), noisy(sharp, 2)


@pytest.mark.parametrize("diameter_px", [48.0, 64.0, 96.0, 128.0])
def test_a_wide_blur_is_measured_on_a_reduced_copy(diameter_px):
    blur = with_wide_blur(
        *members(diameter_px), EVERYWHERE, np.zeros(EVERYWHERE.shape, np.float32)
    )
    margin = round(diameter_px / 2) + 8
    inner = (slice(margin, -margin), slice(WIDTH // 3 + margin, -margin))
    assert np.median(blur.coc_px[inner]) == pytest.approx(diameter_px, rel=0.15)
    assert blur.wide[inner].mean() > 0.9
    assert not blur.wide[:, : WIDTH // 3 - margin].any()


@pytest.mark.parametrize("diameter_px", [4.0, 24.0])
def test_a_narrow_blur_stays_as_it_was(diameter_px):
    pair = members(diameter_px)
    narrow = equalised(*pair, EVERYWHERE).coc_px
    blur = with_wide_blur(*pair, EVERYWHERE, narrow)
    assert not blur.wide.any()
    assert np.array_equal(blur.coc_px, narrow)


def test_narrow_discs_that_ended_are_not_known():
    ended = np.full(EVERYWHERE.shape, 43.0, np.float32)
    blur = with_wide_blur(*members(4.0), EVERYWHERE, ended)
    assert not known_blur(blur, EVERYWHERE).any()


def test_small_pictures_have_a_smaller_range():
    assert [largest_blur_px(size) for size in ((480, 640), (192, 256))] == [172.0, 82.0]
    assert largest_blur_px((48, 64)) == 43.0
    small = np.random.default_rng(0).random((48, 64), np.float32)
    valid = np.ones(small.shape, dtype=bool)
    assert not with_wide_blur(small, small, valid, small).wide.any()


@pytest.mark.full
@pytest.mark.parametrize("size", [(900, 1200), (1500, 2000)], ids=["1 MP", "3 MP"])
@pytest.mark.parametrize("diameter_px", [8.0, 64.0, 128.0])
def test_the_blur_map_of_a_pair_is_right_at_any_size(size, diameter_px):
    height, width = size
    sharp = texture("coffee", width, height).astype(np.float32)
    layers = [blurred_beside_sharp(np.ascontiguousarray(one), diameter_px) for one in
              np.moveaxis(sharp, 2, 0)]  # fmt: skip
    pictures = (noisy(np.stack(layers, axis=2), 1), noisy(sharp, 2))
    blurry, still = (
        as_integer(linear_to_srgb(np.clip(one, 0, 1)), 8) for one in pictures
    )
    blur = blur_map(measure(blurry, still, flow_estimator()))
    inner = blur.diameter_px[80:-80, width // 3 + 80 : -80]
    assert np.isfinite(inner).mean() > 0.7
    assert np.nanmedian(inner) == pytest.approx(diameter_px, rel=0.15)
