"""What a still pair shows does not hang on 16 rows of picture: neither its model nor its place."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from defocus.align.photometry.linear_light import LUMINANCE, reduced_light
from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.register import Registration, register
from defocus.images import write_image
from defocus.scene.aperture import disc_psf
from defocus.scene.pictures import texture
from research.alignment_truth.real_like.pair import RealLikePair, real_like_pair

pytestmark = pytest.mark.full
CUTS = ((16, 0), (0, 16), (8, 8))
"""Rows that are cut off above and below."""
PLAIN_MODELS = {"translation", "similarity"}
LARGEST_JUMP_PX = 0.5
"""Half of what counts as a wrong answer; a homography was once off by 1.3 px."""
SIGMAS = 3.0


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "coffee", "rocket"):
        write_image(folder / f"{name}.png", getattr(data, name)())
    return tuple(sorted(folder.iterdir()))


def registered(pair: RealLikePair, above: int, below: int) -> Registration:
    """What the still pair shows without some rows."""
    rows = slice(above, len(pair.blurry) - below)
    blurry, sharp = (
        reduced_light(np.ascontiguousarray(one[rows]), 1, LUMINANCE)
        for one in (pair.blurry, pair.unmoved)
    )
    return register(blurry, sharp)


def in_whole(matrix: NDArray[np.float64], above: int) -> NDArray[np.float64]:
    """A transform of the picture without the rows above, in positions of the whole picture."""
    down = np.eye(3)
    down[1, 2] = above
    return np.asarray(down @ matrix @ np.linalg.inv(down))


@pytest.mark.parametrize("seed", range(70, 76))
def test_a_still_pair_is_the_same_without_16_rows(files, seed):
    pair = real_like_pair(files, seed, 0)
    whole = registered(pair, 0, 0)
    for above, below in CUTS:
        cut = registered(pair, above, below)
        assert (cut.matrix is None) == (whole.matrix is None), cut.reason or whole.reason
        if cut.matrix is None or whole.matrix is None:
            continue  # seed 72, mostly black sky: unknown with these rows and without
        assert {whole.model, cut.model} <= PLAIN_MODELS
        sigma, other = (one.corner_error_px or 0.0 for one in (cut, whole))
        moved = in_whole(cut.matrix, above)
        jump = corner_distance_px(moved, whole.matrix, pair.blurry.shape)
        assert jump <= min(LARGEST_JUMP_PX, SIGMAS * float(np.hypot(sigma, other)))
        off = corner_distance_px(moved, np.eye(3), pair.blurry.shape)
        assert off <= min(LARGEST_JUMP_PX, SIGMAS * sigma)


SIZE = (320, 256)
MARGIN = 40
KEYSTONE = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0], [6e-5, 4e-5, 1.0]])
"""A camera that was tilted: 6 px at a corner beyond what a similarity explains."""
ZOOMED = np.array([[1.01, 0.0, -1.0], [0.0, 1.01, 2.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("matrix", "model"), [(KEYSTONE, "homography"), (ZOOMED, "similarity"), (np.eye(3), None)]
)
@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_the_model_of_a_pair_is_the_same_without_16_rows(matrix, model, name):
    """Of one whose camera was tilted, of one that was zoomed, and of one that did not move."""
    width, height = SIZE
    wide = texture(name, width + 2 * MARGIN, height + 2 * MARGIN).mean(axis=2).astype(np.float32)
    blurred = cv2.filter2D(wide, -1, disc_psf(5.0).astype(np.float32))
    back = np.linalg.inv(matrix)
    back = np.array([[1, 0, MARGIN], [0, 1, MARGIN], [0, 0, 1]]) @ back
    blurry = blurred[MARGIN:-MARGIN, MARGIN:-MARGIN]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    sharp = np.asarray(cv2.warpPerspective(wide, back, SIZE, flags=flags), np.float32)
    models = []
    for above, below in ((0, 0), *CUTS):
        rows = slice(above, height - below)
        found = register(
            np.ascontiguousarray(blurry[rows]), np.ascontiguousarray(np.clip(sharp[rows], 0, 1))
        )
        models.append(found.model)
        assert found.matrix is not None, found.reason
        moved = in_whole(found.matrix, above)
        assert corner_distance_px(moved, matrix, (height, width)) < LARGEST_JUMP_PX
    assert len(set(models)) == 1
    assert models[0] in ({model} if model else PLAIN_MODELS)
