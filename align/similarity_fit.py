"""A similarity through the shifts of tiles, with what the tiles say about its trustworthiness."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.tiles import TileShifts

__all__ = ["Fit", "corner_step_px", "fit_similarity"]

Array = NDArray[np.float64]

LEAST_SLOPE = 0.0004
"""Of sRGB-encoded grey per pixel; a flat wall with a noise of 1 % has 0.0001, with 3 % 0.0003."""
LEAST_SLOPE_RATIO = 0.06
"""Least over greatest slope: a tile of stripes (0.01 to 0.04) says nothing along them."""
LEAST_PEAK_OVER_NOISE = 1.1
LEAST_TILES = 6
INLIER_PX = 0.7


@dataclass(frozen=True)
class Fit:
    """A fitted similarity.

    Attributes:
        matrix: ``(3, 3)`` from first to second positions; None without enough evidence.
        reason: Why there is none.
        inlier_share: Inliers over usable tiles.
        corner_error_px: Standard error of the fit at the worst corner.
        step_px: How far it moves the corner that it moves most.
    """

    matrix: Array | None
    reason: str = ""
    inlier_share: float = 0.0
    corner_error_px: float = float("inf")
    step_px: float = float("inf")


def fit_similarity(found: TileShifts, measurable: NDArray[np.bool_], shape: tuple[int, ...]) -> Fit:
    """Fit by RANSAC, then by least squares on the inliers.

    Args:
        found: Shifts of tiles.
        measurable: ``(T,)``, False for tiles that are known to say nothing.
        shape: Height and width of the pictures.
    """
    least, greatest = found.slopes.T
    textured = (least >= LEAST_SLOPE) & (least >= LEAST_SLOPE_RATIO * greatest)
    usable = measurable & textured & (found.peaks >= LEAST_PEAK_OVER_NOISE * found.noise_peak)
    if usable.sum() < LEAST_TILES:
        return Fit(None, f"only {int(usable.sum())} of {usable.size} tiles show enough in common")
    start = found.centres[usable]
    end = start + found.shifts[usable]
    _, inliers = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=INLIER_PX, maxIters=2000
    )
    keep = np.zeros(len(start), dtype=bool) if inliers is None else inliers[:, 0] > 0
    if keep.sum() < LEAST_TILES:
        return Fit(None, "the tiles of the two pictures do not agree on one displacement")
    parameters, _ = _least_squares(start[keep], end[keep])
    for _ in range(2):
        residual = np.linalg.norm(_apply(parameters, start) - end, axis=1)
        keep = residual <= INLIER_PX
        if keep.sum() < LEAST_TILES:
            return Fit(None, "the tiles of the two pictures do not agree on one displacement")
        parameters, covariance = _least_squares(start[keep], end[keep])
    matrix = _matrix(parameters)
    # tiles that overlap are no independent witnesses
    error = _corner_error(covariance * found.overlap, _corners(shape))
    return Fit(matrix, "", float(keep.mean()), error, corner_step_px(matrix, shape))


def corner_step_px(matrix: Array, shape: tuple[int, ...]) -> float:
    """How far a ``(3, 3)`` transform moves the corner of a picture that it moves most."""
    corners = _corners(shape)
    moved = corners @ matrix[:2, :2].T + matrix[:2, 2]
    return float(np.linalg.norm(moved - corners, axis=1).max())


def _design(points: Array) -> Array:
    """Rows of x' = a x - b y + tx, y' = b x + a y + ty."""
    x, y = points.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    return np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])


def _least_squares(start: Array, end: Array) -> tuple[Array, Array]:
    design, target = _design(start), np.concatenate([end[:, 0], end[:, 1]])
    parameters, *_ = np.linalg.lstsq(design, target, rcond=None)
    residual = target - design @ parameters
    variance = float(residual @ residual) / max(len(target) - 4, 1)
    return parameters, np.asarray(variance * np.linalg.pinv(design.T @ design), np.float64)


def _apply(parameters: Array, points: Array) -> Array:
    return (_design(points) @ parameters).reshape(2, -1).T


def _matrix(parameters: Array) -> Array:
    a, b, tx, ty = parameters
    return np.array([[a, -b, tx], [b, a, ty], [0.0, 0.0, 1.0]])


def _corners(shape: tuple[int, ...]) -> Array:
    height, width = shape[:2]
    return np.array([(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)], float)


def _corner_error(covariance: Array, corners: Array) -> float:
    rows = _design(corners)
    variances = np.einsum("ri,ij,rj->r", rows, covariance, rows)
    return float(np.sqrt(variances.reshape(2, -1).sum(axis=0).max()))
