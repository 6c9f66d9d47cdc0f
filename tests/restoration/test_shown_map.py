"""The map of blur as it is shown."""

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from defocus.blur import shown_map as module
from defocus.blur.block_blur import BlockBlur
from defocus.blur.learned_map import CELL_PX, BlurMap, estimate_blur_map
from defocus.blur.shown_map import shown_map
from defocus.pictures.values import (
    as_float,
    as_integer,
    linear_to_srgb,
    luma_of,
    srgb_to_linear,
)
from defocus.scene.aperture import disc_psf

Array = NDArray[np.float32]
HEIGHT, WIDTH = 768, 1024
CELLS = HEIGHT // CELL_PX, WIDTH // CELL_PX


@pytest.fixture
def luma(monkeypatch):
    """A picture in which the spectrum shows 3 px everywhere."""

    def blocks(luma: Array) -> BlockBlur:
        rows, columns = (side // 128 - 1 for side in luma.shape)
        same = np.full((rows, columns), 3.0, np.float32)
        shapes = np.ones((rows, columns, 13), np.float32)
        return BlockBlur(same, same, same, shapes, np.ones((7, rows, columns)))

    monkeypatch.setattr(module, "block_blur", blocks)
    return np.zeros((HEIGHT, WIDTH), np.float32)


def map_of(diameter_px: Array, strong: float = 0.0) -> BlurMap:
    certain = np.full_like(diameter_px, strong)
    return BlurMap(diameter_px, 1.5 * diameter_px, certain, (HEIGHT, WIDTH))


def test_where_the_blur_is_alike_it_is_mostly_that_of_the_spectrum(luma):
    shown = shown_map(map_of(np.full(CELLS, 63.0, np.float32)), luma)
    # of 64 three quarters to 4
    np.testing.assert_allclose(shown.diameter_px, 7.0, rtol=1e-5)
    assert (shown.highest_px > shown.diameter_px).all()


def test_where_it_changes_the_spectrum_of_a_block_says_nothing(luma):
    mixed = np.full(CELLS, 15.0, np.float32)
    mixed[:, CELLS[1] // 2 :] = 0.0
    shown = shown_map(map_of(mixed), luma)
    middle = slice(CELLS[1] // 2 - 8, CELLS[1] // 2 + 8)
    np.testing.assert_array_equal(shown.diameter_px[:, middle], mixed[:, middle])


def test_a_strong_blur_stays(luma):
    blur_map = map_of(np.full(CELLS, 60.0, np.float32), strong=1.0)
    np.testing.assert_allclose(shown_map(blur_map, luma).diameter_px, 60.0, rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (40, 52), (300, 700)])
def test_pictures_of_any_size_have_one(size):
    picture = np.random.default_rng(0).random((*size, 3), np.float32)
    blur_map = estimate_blur_map(picture)
    shown = shown_map(blur_map, np.ascontiguousarray(picture[:, :, 1]))
    assert shown.full().shape == size
    assert np.isfinite(shown.full()).all()
    assert (shown.highest_px >= shown.diameter_px).all()


@pytest.mark.full
@pytest.mark.parametrize(
    ("diameter_px", "tolerance_px"),
    [(0, 1.5), (4, 1.0), (8, 2.0), (12, 3.0), (24, 6.0)],
)
def test_small_blurs_are_right_to_a_quarter_in_the_median(diameter_px, tolerance_px):
    names = ("astronaut", "brick", "chelsea", "coffee", "grass", "gravel", "rocket")
    medians = []
    for name in names:
        picture = behind_a_disc(getattr(skimage.data, name)(), diameter_px)
        shown = shown_map(estimate_blur_map(as_float(picture)), luma_of(picture))
        medians.append(float(np.median(shown.diameter_px[shown.reliable])))
    assert np.median(medians) == pytest.approx(diameter_px, abs=tolerance_px), medians


def behind_a_disc(sharp: NDArray[np.uint8], diameter_px: float) -> NDArray[np.uint8]:
    colours = sharp if sharp.ndim == 3 else np.dstack([sharp] * 3)
    light = np.asarray(srgb_to_linear(as_float(colours)), np.float32)
    kernel = (
        disc_psf(diameter_px).astype(np.float32) if diameter_px else np.ones((1, 1))
    )
    blurred = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(as_integer(linear_to_srgb(np.clip(blurred, 0, 1)), 8), np.uint8)
