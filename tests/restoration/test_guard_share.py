"""The share of a change that is kept: soft pictures stay, blurred ones are restored."""

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from defocus.images import linear_to_srgb, srgb_to_linear
from defocus.restoration.guard.guard import guarded
from defocus.restoration.guard.share import share_worth_keeping, surroundings
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import Restorer
from defocus.scene.aperture import disc_psf

Array = NDArray[np.float32]


def psnr(first: Array, second: Array) -> float:
    return float(-10 * np.log10(np.square(first.astype(float) - second).mean() + 1e-12))


def middle(name: str) -> Array:
    picture: NDArray[np.uint8] = getattr(skimage.data, name)()
    top, left = ((side - 256) // 2 for side in picture.shape[:2])
    return picture[top : top + 256, left : left + 256].astype(np.float32) / 255


def behind_disc(picture: Array, diameter_px: float) -> Array:
    psf = disc_psf(diameter_px).astype(np.float32)
    pad = psf.shape[0] // 2
    wide = np.pad(srgb_to_linear(picture), ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    seen = linear_to_srgb(np.clip(fftconvolve(wide, psf[:, :, None], mode="valid"), 0, 1))
    return np.asarray(np.rint(255 * seen) / 255, np.float32)


@pytest.mark.parametrize(("diameter_px", "least_db"), [(0.0, -np.inf), (2.2, -1.0), (3.0, -1.0)])
def test_a_picture_that_is_soft_by_itself_is_not_sharpened(
    own: Restorer, diameter_px: float, least_db: float
) -> None:
    """The cat's fur: without the share it comes back at 33 dB and loses 3 dB behind a blur."""
    cat = middle("chelsea")
    given = behind_disc(cat, diameter_px) if diameter_px else cat
    made = restore_colours(own, given).restored
    if diameter_px:
        assert psnr(made, cat) - psnr(given, cat) > least_db
    else:
        assert psnr(made, cat) > 38


@pytest.mark.parametrize("diameter_px", [3.0, 6.0])
def test_what_is_gained_behind_a_blur_stays(own: Restorer, diameter_px: float) -> None:
    sharp = middle("coffee")
    given = behind_disc(sharp, diameter_px)
    bare = restore_colours(own, given, guard=False)
    held = guarded(given, bare.restored.copy(), bare.blur_map).restored
    gain = psnr(bare.restored, sharp) - psnr(given, sharp)
    assert gain > 0.5
    assert psnr(held, sharp) - psnr(given, sharp) > 0.9 * gain


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (70, 9), (1100, 40)])
def test_every_pixel_of_a_picture_of_any_size_has_a_share(size: tuple[int, int]) -> None:
    blurry = np.random.default_rng(0).random((*size, 3), np.float32)
    share = share_worth_keeping(blurry, 1 - blurry)
    assert share.shape == size
    assert ((share >= 0) & (share <= 1)).all()


def test_what_restoring_changes_is_seen_around_it_alone() -> None:
    blurry = np.zeros((400, 400, 3), np.float32)
    restored = blurry.copy()
    restored[:8, :8] = 1
    seen = surroundings(blurry, restored) - surroundings(blurry, blurry)
    assert (seen[0, 0, -2:] > 0).all(), "mean and largest change in the large square"
    assert np.abs(seen[40:, 40:]).max() < 1e-5
    assert np.abs(seen[10, 10, 25:27]).max() < 1e-5, "and in the small one only near"
