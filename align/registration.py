"""Global registration of a blurry and a sharp picture, robust to the blur.

A search over zooms on a small picture starts it. On ever larger pictures the sharp one is blurred
as the blurry one is, windowed tiles of the two are correlated, and RANSAC tells which tiles agree.
Where few agree, a second method that knows nothing of tiles has to come to the same result. What
the pictures do not support is no number but a reason: intensity-based registration of a plain
blurry-sharp pair is confidently wrong by many pixels under strong blur.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.blur_matching import matched_blur
from defocus.align.pyramid import factor_for, reduced, scaling
from defocus.align.similarity_fit import Fit, corner_step_px, fit_similarity
from defocus.align.tiles import tile_shifts
from defocus.images import linear_to_srgb
from defocus.optics.geometry import Similarity

__all__ = ["Registration", "Uncertainty", "register"]

Grey = NDArray[np.float32]
Array = NDArray[np.float64]

SMALLEST_SIDE = 32
SEARCH_SIDE = 256
FINEST_SIDE = 4096
ZOOMS = tuple(np.arange(0.90, 1.101, 0.02).tolist())
SEARCH_BAND = 0.06
"""Frequencies of the search, cycles per pixel: the first zero of a disc of 20 px lies there."""
TILE_BAND = 0.12
TILE_GRID = (9, 11)
SMALLEST_TILE, LARGEST_TILE = 48, 256

LARGEST_BLUR = 0.4
"""Mean circle of confusion in a tile over its side; a tile cannot place what is as large as it."""

ROUNDS = 3
SETTLED_PX = 0.05

SURE_INLIER_SHARE = 0.6
"""With fewer tiles in agreement the second method is asked."""
LARGEST_ERROR_PX = 0.5
"""Standard error of the worst corner that is still a number, in pixels of the full picture."""
LARGEST_DISAGREEMENT_PX = 1.0
ECC_ITERATIONS = 60


@dataclass(frozen=True)
class Uncertainty:
    """Standard errors (1 σ) of a registration, from how the tiles scatter about it.

    Attributes:
        shift_px: Of each coordinate of the shift, pixels of the full picture.
        zoom: A ratio.
        rotation_deg: Degrees.
        corner_px: Of the displacement at the worst corner.
    """

    shift_px: float
    zoom: float
    rotation_deg: float
    corner_px: float


@dataclass(frozen=True)
class Registration:
    """The transform from blurry to sharp positions, or why there is none.

    Attributes:
        similarity: The similarity closest to ``matrix``; None where the evidence carries no number.
        reason: Empty, or why there is none.
        inlier_share: Share of the usable tiles that agree with the transform.
        matrix: ``(3, 3)`` float64, blurry to sharp positions of the full picture, pixel centres at
            integers; None where ``similarity`` is.
        model: ``translation``, ``similarity``, ``affine`` or ``homography``: the simplest that the
            tiles support; empty where there is none.
        uncertainty: None where there is no transform.
    """

    similarity: Similarity | None
    reason: str = ""
    inlier_share: float = 0.0
    matrix: Array | None = None
    model: str = ""
    uncertainty: Uncertainty | None = None

    @property
    def corner_error_px(self) -> float | None:
        """Standard error of the displacement at the worst corner."""
        return None if self.uncertainty is None else self.uncertainty.corner_px


@dataclass(frozen=True)
class _Level:
    """What one reduction of the pictures gave.

    Attributes:
        factor: The reduction.
        matrix: ``(3, 3)``, blurry to sharp positions of the full picture.
        fit: The last fit, in pixels of the reduced picture.
    """

    factor: int
    matrix: Array
    fit: Fit


def register(blurry: Grey, sharp: Grey) -> Registration:
    """Find the similarity between two pictures of one scene, one of them defocused.

    Args:
        blurry: ``(H, W)`` float32 luminance, linear light, 0..1.
        sharp: Same shape.
    """
    height, width = blurry.shape
    if min(height, width) < SMALLEST_SIDE:
        return Registration(None, f"the pictures are smaller than {SMALLEST_SIDE} px")
    factors = _factors(blurry.shape)
    small = reduced(blurry, factors[0]), reduced(sharp, factors[0])
    matrix = _rescaled(_search(*small), 1 / factors[0])
    levels: list[_Level] = []
    for factor in factors:
        level = _refined(reduced(blurry, factor), reduced(sharp, factor), matrix, factor)
        if level.fit.matrix is None:
            break
        levels.append(level)
        matrix = level.matrix
    if not levels:
        return Registration(None, level.fit.reason)
    # fine detail may be lost in the blur; then a coarser level is the better witness
    sure = [level for level in levels if level.fit.inlier_share >= SURE_INLIER_SHARE]
    best = (sure or levels)[-1]
    reason = _doubt(reduced(blurry, best.factor), reduced(sharp, best.factor), best)
    if reason:
        return Registration(None, reason, best.fit.inlier_share)
    similarity = Similarity.closest(best.matrix, width, height)
    corner = best.fit.corner_error_px * best.factor
    radius = math.hypot(width, height) / 2
    uncertainty = Uncertainty(corner / 2, corner / radius, math.degrees(corner / radius), corner)
    return Registration(
        similarity, "", best.fit.inlier_share, best.matrix, "similarity", uncertainty
    )


def _factors(shape: tuple[int, ...]) -> list[int]:
    """Reduction factors from the search size to the finest, coarse first."""
    most = min(shape) // SMALLEST_SIDE  # a panorama must not be reduced to a line
    finest = min(factor_for(shape, FINEST_SIDE), most)
    factors = [min(factor_for(shape, SEARCH_SIDE), most)]
    while factors[-1] > finest:
        factors.append(max(finest, factors[-1] // 2))
    return factors


def _rescaled(matrix: Array, factor: float) -> Array:
    """A transform of full positions as one of positions reduced by ``factor``, or back (1 / f)."""
    scale = scaling(round(factor)) if factor >= 1 else np.linalg.inv(scaling(round(1 / factor)))
    return np.asarray(scale @ matrix @ np.linalg.inv(scale))


def _moved(sharp: Grey, matrix: Array) -> Grey:
    """The sharp picture on the blurry grid."""
    height, width = sharp.shape
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        sharp, matrix[:2], (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(np.maximum(moved, 0.0), dtype=np.float32)


def _matched(blurry: Grey, sharp: Grey, matrix: Array) -> tuple[Grey, Grey, Grey]:
    """Both pictures on the blurry grid, of one exposure and one blur, sRGB-encoded; the blur."""
    moved = _moved(sharp, matrix)
    gain = np.float32(float(blurry.mean()) / max(float(moved.mean()), 1e-6))
    matched, diameters_px = matched_blur(blurry, moved * gain)
    return _encoded(blurry), _encoded(matched), diameters_px


def _encoded(picture: Grey) -> Grey:
    return np.asarray(linear_to_srgb(picture), dtype=np.float32)


def _search(blurry: Grey, sharp: Grey) -> Array:
    """Zoom and shift with the highest correlation of the whole frames."""
    height, width = blurry.shape
    best, best_matrix = -1.0, np.eye(3)
    for zoom in ZOOMS:
        matrix = np.vstack([Similarity(zoom=zoom).matrix(width, height), [0.0, 0.0, 1.0]])
        frames = _encoded(blurry), _encoded(_moved(sharp, matrix))
        found = tile_shifts(*frames, (height, width), (1, 1), SEARCH_BAND)
        if found.peaks[0] > best:
            step = np.eye(3)
            step[:2, 2] = found.shifts[0]
            best, best_matrix = float(found.peaks[0]), matrix @ step
    return best_matrix


def _refined(blurry: Grey, sharp: Grey, start: Array, factor: int) -> _Level:
    """Rounds of tile correlation on reduced pictures from a ``start`` in full positions."""
    matrix, fit = _rescaled(start, factor), Fit(None)
    side = min(max(SMALLEST_TILE, max(blurry.shape) // 6), LARGEST_TILE)
    tile = (min(side, blurry.shape[0]), min(side, blurry.shape[1]))
    for _ in range(ROUNDS):
        first, second, diameters_px = _matched(blurry, sharp, matrix)
        found = tile_shifts(first, second, tile, TILE_GRID, TILE_BAND)
        column, row = np.floor(found.centres).astype(int).T
        blur = cv2.blur(diameters_px, tile[::-1])[row, column]
        fit = fit_similarity(found, blur <= LARGEST_BLUR * side, blurry.shape)
        if fit.matrix is None:
            break
        matrix = matrix @ fit.matrix
        if fit.step_px < SETTLED_PX:
            break
    return _Level(factor, _rescaled(matrix, 1 / factor), fit)


def _doubt(blurry: Grey, sharp: Grey, level: _Level) -> str:
    """Why the result of the tiles is not believed; empty where it is."""
    error = level.fit.corner_error_px * level.factor
    if error > LARGEST_ERROR_PX:
        return f"the tiles leave an error of {error:.1f} px at the corners"
    if level.fit.inlier_share >= SURE_INLIER_SHARE:
        return ""
    share = f"only {100 * level.fit.inlier_share:.0f} % of the tiles agree"
    first, second, _ = _matched(blurry, sharp, _rescaled(level.matrix, level.factor))
    step = _ecc_step(first, second)
    if step is None:
        return f"{share}, and registration by intensity (ECC) finds no result"
    distance = corner_step_px(step, blurry.shape) * level.factor
    if distance > LARGEST_DISAGREEMENT_PX:
        return f"{share}, and registration by intensity (ECC) differs by {distance:.1f} px"
    return ""


def _ecc_step(blurry: Grey, matched: Grey) -> Array | None:
    """What intensity-based registration would still move, or None where it does not converge.

    Source: Evangelidis and Psarakis, Parametric image alignment using enhanced correlation
    coefficient maximization (TPAMI 2008).
    """
    inside = np.full(blurry.shape, 255, dtype=np.uint8)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ECC_ITERATIONS, 1e-5)
    try:
        _, affine = cv2.findTransformECC(
            blurry, matched, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, criteria, inside, 5
        )
    except cv2.error:  # how OpenCV says that the iteration diverged
        return None
    return np.vstack([affine.astype(np.float64), [0.0, 0.0, 1.0]])
