"""The shape of a point spread against kernels whose centroid is known."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.align.photometry.blur_matching import disc_blurred_stack
from defocus.align.registration.spread_shape import (
    BlurredTiles,
    SpreadShape,
    spread_shape,
)
from defocus.scene.pictures import texture
from research.alignment_truth.rendered.psf import PSF, PSFFamily, kernel

Grey = NDArray[np.float32]
SIDE, COLUMNS, ROWS = 96, 5, 4
COC_PX = 12.0


def sharp() -> Grey:
    picture = texture("astronaut", COLUMNS * SIDE, ROWS * SIDE)
    return np.ascontiguousarray(np.minimum(picture, 1.0).mean(axis=2), np.float32)


def shape_of(family: PSFFamily, strength: float) -> SpreadShape:
    """Each tile is blurred with the kernel of its own place in the field."""
    picture, psf = sharp(), PSF(family, 0.3, 7, strength)
    blurry = np.empty_like(picture)
    centre = (np.array(picture.shape[::-1]) - 1) / 2
    across = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    centres = (np.stack(across, axis=-1).reshape(-1, 2) + 0.5) * SIDE - 0.5
    field, shifts = (centres - centre) / (np.hypot(*picture.shape) / 2), []
    for place, (x, y) in zip(centres, field, strict=True):
        spread = kernel(psf, COC_PX, (x, y), COC_PX)
        # cv2 correlates; the kernel says where the light goes
        moved = cv2.filter2D(
            picture, -1, spread[::-1, ::-1], borderType=cv2.BORDER_REFLECT
        )
        left, top = np.round(place - SIDE / 2 + 0.5).astype(int)
        part = np.s_[top : top + SIDE, left : left + SIDE]
        blurry[part] = moved[part]
        steps = np.arange(len(spread)) - len(spread) // 2
        shifts.append((-(spread.sum(axis=0) @ steps), -(spread.sum(axis=1) @ steps)))
    tiles = BlurredTiles(
        centres, np.array(shifts), np.full(len(centres), COC_PX), field, SIDE
    )
    shape = spread_shape(blurry, lambda d: disc_blurred_stack(picture, [d])[0], tiles)
    assert shape is not None
    return shape


@pytest.mark.parametrize("family", ["disc", "polygon-5-7", "gaussian"])
def test_symmetric_kernels_have_no_asymmetry(family):
    assert shape_of(family, 0.0).asymmetry < 0.03


def test_a_cats_eye_is_measured_by_its_width():
    """The centroid lies off by half the cut's displacement, in diameters."""
    shape = shape_of("cats-eye", 0.4)
    assert shape.cats_eye == pytest.approx(0.2, rel=0.3)
    assert abs(shape.coma) < 0.06
    assert not shape.skewed(0.1)


def test_a_coma_is_measured_by_its_tail():
    """The centroid lies off by the tail's length, in radii; it is never told too small."""
    for tail in (0.1, 0.25):
        shape = shape_of("coma", tail)
        assert 1.0 < shape.coma / (tail / 2) < 2.0
    assert shape.skewed(0.1)


def test_a_sharp_picture_shows_no_shape():
    centres = np.array([(48.0 + 60 * k, 100.0) for k in range(7)])
    tiles = BlurredTiles(
        centres, np.zeros((7, 2)), np.full(7, 2.0), centres / 300, SIDE
    )
    assert spread_shape(sharp(), lambda _: sharp(), tiles) is None
