"""A large pair measured, compensated by flow and masked, against a plain OpenCV script.

The script is ECC with an affine transform on grey pictures of half the size, and a bicubic warp.
"""

from functools import lru_cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.compensate import (
    Release,
    compensated_sharp,
    plan_compensation,
    released_blurry,
    valid_mask,
)
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.pictures.values import Image, as_integer, linear_to_srgb
from defocus.scene.aperture import disc_psf
from defocus.scene.geometry import Similarity
from tests.speed.case import Case

SIZE, SMALL = (4096, 2160), (2048, 1080)
TRUTH = Similarity(zoom=1.012, rotation_deg=0.2, shift_px=(14.0, -9.0))
BLUR_PX = (15.0, 4.0)
"""Circles of confusion of the left and the right half."""
NOTE = "its peer does less: no flow, no mask, no light, and nothing says whether it is right"


@lru_cache(maxsize=1)
def _pair(width: int, height: int) -> tuple[Image, Image]:
    """A blurry and a sharp 16-bit picture with detail at every scale, misaligned by TRUTH."""
    rng = np.random.default_rng(0)
    scene = np.zeros((height, width, 3), np.float32)
    for octave in range(9):
        cells = (max(height >> octave, 2), max(width >> octave, 2), 3)
        noise = rng.standard_normal(cells, np.float32)
        scene += 2.0**octave * cv2.resize(
            noise, (width, height), interpolation=cv2.INTER_CUBIC
        )
    scene = np.clip(0.35 + 0.12 * scene / scene.std(), 0.01, 0.9).astype(np.float32)
    sharp = np.float32(1) * cv2.warpAffine(
        scene, TRUTH.matrix(width, height), (width, height),
        flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    half = width // 2
    for part, blur in zip((np.s_[:, :half], np.s_[:, half:]), BLUR_PX, strict=True):
        psf = disc_psf(blur)
        scene[part] = cv2.filter2D(scene[part], -1, psf, borderType=cv2.BORDER_REFLECT)
    return _stored(scene, rng), _stored(sharp, rng)


def _stored(linear: NDArray[np.float32], rng: np.random.Generator) -> Image:
    noisy = linear + np.float32(0.002) * rng.standard_normal(linear.shape, np.float32)
    return as_integer(linear_to_srgb(np.clip(noisy, 0, 1)), 16)


def _ours(blurry: Image, sharp: Image) -> NDArray[np.float64] | None:
    measurement = measure(blurry, sharp, flow_estimator())
    if measurement.misalignment.matrix is None:
        return None
    plan = plan_compensation(measurement, sharp.shape, Release("flow"))
    compensated_sharp(sharp, plan)
    released_blurry(blurry, plan)
    valid_mask(sharp, measurement, plan)
    return measurement.misalignment.matrix


def _plain(blurry: Image, sharp: Image) -> NDArray[np.float64] | None:
    first, second = (
        cv2.cvtColor((picture[::2, ::2] >> 8).astype(np.uint8), cv2.COLOR_RGB2GRAY)
        for picture in (blurry, sharp)
    )
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)
    start, whole = np.eye(2, 3, dtype=np.float32), np.full(first.shape, 255, np.uint8)
    _, matrix = cv2.findTransformECC(
        first, second, start, cv2.MOTION_AFFINE, criteria, whole, 5
    )
    affine = np.vstack([matrix.astype(np.float64), [0, 0, 1]])
    affine[:2, 2] *= 2
    size = (blurry.shape[1], blurry.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(sharp, affine[:2], size, flags=flags)
    return affine


def _difference() -> float:
    """Between both transforms, at the worst corner of a smaller picture; px."""
    right, bottom = (side - 1 for side in SMALL)
    corners = np.array(
        [(0, 0, 1), (right, 0, 1), (0, bottom, 1), (right, bottom, 1)], float
    ).T
    places = []
    for way in (_ours, _plain):
        matrix = way(*_pair(*SMALL))
        places.append((matrix @ corners)[:2] / (matrix @ corners)[2])
    return float(np.linalg.norm(places[0] - places[1], axis=0).max())


CASES = (
    Case(
        "alignment",
        lambda: partial(_ours, *_pair(*SIZE)),
        lambda: partial(_plain, *_pair(*SIZE)),
        _difference,
        0.5,
        note=NOTE,
    ),
)
