"""Global registration of a blurry and a sharp picture, robust to the blur.

A search over zooms on a small picture starts it; windowed tiles, correlated on ever larger
pictures, refine it; RANSAC tells which tiles agree. What the tiles do not support is no number
but a reason. Source of the rule: trials with known truth in which intensity-based registration
(ECC) of the plain pair was wrong by many pixels under strong blur, while tiles were right or
said by their share of inliers that they are not.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.blur_matching import matched_blur
from defocus.align.similarity_fit import Fit, fit_similarity
from defocus.align.tiles import tile_shifts
from defocus.images import linear_to_srgb
from defocus.optics.geometry import Similarity

__all__ = ["Registration", "register"]

Grey = NDArray[np.float32]
Array = NDArray[np.float64]

SEARCH_SIDE = 256
FINEST_SIDE = 2048
ZOOMS = tuple(np.round(np.arange(0.90, 1.101, 0.02), 3))
SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Registration:
    """The similarity from blurry to sharp positions, or why there is none.

    Attributes:
        similarity: None where the evidence does not carry a number.
        reason: Empty, or why ``similarity`` is None.
        inlier_share: Share of the usable tiles that agree with the similarity.
    """

    similarity: Similarity | None
    reason: str = ""
    inlier_share: float = 0.0


def register(blurry: Grey, sharp: Grey) -> Registration:
    """Find the similarity between two pictures of one scene, one of them defocused.

    Args:
        blurry: ``(H, W)`` float32 luminance, linear light, 0..1.
        sharp: Same shape.
    """
    height, width = blurry.shape
    if min(height, width) < SMALLEST_SIDE:
        return Registration(None, f"the pictures are smaller than {SMALLEST_SIDE} px")
    matrix = np.eye(3)
    fit: Fit | None = None
    for factor in _factors(max(height, width)):
        small_blurry, small_sharp = _reduced(blurry, factor), _reduced(sharp, factor)
        scale = _scaling(factor)
        if fit is None:
            matrix = np.linalg.inv(scale) @ _search(small_blurry, small_sharp) @ scale
        for _ in range(3):
            local = scale @ matrix @ np.linalg.inv(scale)
            fit = _refine(small_blurry, small_sharp, local)
            if fit.matrix is None:
                return Registration(None, fit.reason)
            matrix = np.linalg.inv(scale) @ local @ fit.matrix @ scale
    assert fit is not None  # noqa: S101 - there is always at least one factor
    similarity = Similarity.from_matrix(matrix[:2], width, height)
    return Registration(similarity, "", fit.inlier_share)


def _factors(side: int) -> list[int]:
    """Reduction factors from the search size to the finest, coarse first."""
    coarsest, finest = math.ceil(side / SEARCH_SIDE), math.ceil(side / FINEST_SIDE)
    factors = [coarsest]
    while factors[-1] > finest:
        factors.append(max(finest, factors[-1] // 2))
    return factors


def _reduced(picture: Grey, factor: int) -> Grey:
    """Average over squares of ``factor`` pixels; a rest at the right and below is dropped."""
    height, width = (side // factor * factor for side in picture.shape)
    blocks = picture[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


def _scaling(factor: int) -> Array:
    """Full to reduced coordinates, pixel centres at integers in both."""
    offset = 0.5 / factor - 0.5
    return np.array([[1 / factor, 0, offset], [0, 1 / factor, offset], [0, 0, 1]])


def _moved(sharp: Grey, matrix: Array) -> Grey:
    """The sharp picture on the blurry grid."""
    height, width = sharp.shape
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        sharp, matrix[:2], (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(np.maximum(moved, 0.0), dtype=np.float32)


def _encoded(picture: Grey) -> Grey:
    return np.asarray(linear_to_srgb(picture), dtype=np.float32)


def _search(blurry: Grey, sharp: Grey) -> Array:
    """Zoom and shift with the highest correlation of the whole frames."""
    height, width = blurry.shape
    best, best_matrix = -1.0, np.eye(3)
    for zoom in ZOOMS:
        matrix = np.vstack([Similarity(zoom=float(zoom)).matrix(width, height), [0, 0, 1]])
        moved = _moved(sharp, matrix)
        found = tile_shifts(_encoded(blurry), _encoded(moved), (height, width), (1, 1), 0.06)
        if found.peaks[0] > best:
            step = np.eye(3)
            step[:2, 2] = found.shifts[0]
            best, best_matrix = float(found.peaks[0]), matrix @ step
    return best_matrix


def _refine(blurry: Grey, sharp: Grey, matrix: Array) -> Fit:
    moved = _moved(sharp, matrix)
    gain = float(blurry.mean() / max(float(moved.mean()), 1e-6))
    moved = moved * gain
    matched, _ = matched_blur(blurry, moved)
    side = max(32, min(max(blurry.shape) // 6, 256))
    tile = (min(side, blurry.shape[0]), min(side, blurry.shape[1]))
    found = tile_shifts(_encoded(blurry), _encoded(matched), tile, (9, 11), 0.12)
    return fit_similarity(found, blurry.shape)
