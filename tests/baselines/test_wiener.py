"""Classical deconvolution: blur sizes that are known, and the filter against its definition."""

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from defocus.baselines.registry import baseline
from defocus.blur.disc_diameter import LARGEST_DIAMETER_PX, disc_diameter_px
from defocus.pictures.values import as_float, as_integer, linear_to_srgb, srgb_to_linear
from defocus.scene.aperture import disc_psf
from defocus.scene.pictures import texture
from tests.baselines.test_classical import psnr

SCENES = ("astronaut", "chelsea", "coffee", "grass", "gravel", "retina", "rocket")


def blurred(name: str, diameter_px: float, noise: float = 0.0) -> NDArray[np.float32]:
    """An 8-bit sRGB picture of a scene behind one disc, as floats."""
    sharp = texture(name, 320, 240)
    linear = cv2.filter2D(
        sharp, -1, disc_psf(diameter_px), borderType=cv2.BORDER_REFLECT_101
    )
    draw = np.random.default_rng(0).standard_normal(linear.shape)
    return np.asarray(as_float(as_integer(linear_to_srgb(linear) + noise * draw, 8)))


def estimate(picture: NDArray[np.float32]) -> float:
    linear = srgb_to_linear(picture.astype(np.float64))
    return disc_diameter_px(linear @ np.array([0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("noise", [0.0, 1 / 255])
@pytest.mark.parametrize("diameter_px", [4.0, 7.0, 11.0, 15.0])
def test_a_known_disc_is_measured(diameter_px, noise):
    errors = [
        abs(estimate(blurred(name, diameter_px, noise)) - diameter_px)
        for name in SCENES
    ]
    assert np.median(errors) <= 0.5
    assert max(errors) <= 1.0


def test_a_picture_in_focus_is_not_taken_for_a_large_disc():
    assert max(estimate(blurred(name, 0.0)) for name in SCENES) <= 3.0


def test_no_picture_no_blur():
    assert disc_diameter_px(np.full((40, 50), 0.3)) == 0.0
    noise = np.random.default_rng(1).random((200, 200))
    assert disc_diameter_px(noise) == 0.0


@pytest.mark.parametrize("side", [16, 17, 40])
def test_small_pictures_have_small_candidates(side):
    draw = np.random.default_rng(2).random((side, 3 * side))
    smooth = cv2.GaussianBlur(draw, (0, 0), 3.0)
    assert 0.0 <= disc_diameter_px(smooth) <= min(side / 4, LARGEST_DIAMETER_PX)


@pytest.mark.parametrize("diameter_px", [5.0, 9.0, 14.0])
def test_restored_pictures_are_nearer_to_the_sharp_one(diameter_px):
    network = baseline("wiener").build()
    gains = []
    for name in SCENES:
        blurry = blurred(name, diameter_px, 1 / 255)
        tensor = torch.from_numpy(blurry).permute(2, 0, 1)[None]
        restored = network(tensor)[0].permute(1, 2, 0).numpy()
        sharp = np.asarray(linear_to_srgb(texture(name, 320, 240)))
        gains.append(psnr(restored, sharp) - psnr(blurry, sharp))
    assert min(gains) > 0.0
    assert np.mean(gains) > 1.0


def test_each_picture_of_a_batch_has_its_own_blur_size():
    network = baseline("wiener").build()
    pictures = [blurred("coffee", 5.0), blurred("coffee", 12.0)]
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    both = network(batch)
    for index in range(2):
        torch.testing.assert_close(both[index], network(batch[index : index + 1])[0])
