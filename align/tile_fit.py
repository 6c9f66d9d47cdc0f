"""One transform through the shifts of tiles, and what the tiles say about its trustworthiness."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.models import ModelFit, corners, fit_model
from defocus.align.tiles import TileShifts
from defocus.optics.geometry import moved_points

__all__ = ["NoFit", "TileFit", "fit_tiles"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_SLOPE = 0.0004
"""Of sRGB-encoded grey per pixel; a flat wall with a noise of 1 % has 0.0001, with 3 % 0.0003."""
LEAST_SLOPE_RATIO = 0.06
"""Least over greatest slope: a tile of stripes (0.01 to 0.04) says nothing along them."""
LEAST_PEAK_OVER_NOISE = 1.1
LEAST_TILES = 6
INLIER_PX = 0.7
FIRST_EXTRA_PX, LEAST_EXTRA_PX = 0.2, 0.03
"""What a tile's prediction of its own error leaves out: at first, and at least."""
LEAST_GAIN = {"translation": 1.0, "similarity": 0.95, "affine": 0.5, "homography": 0.5}
"""What a richer model has to make of the squared error with which left-out parts are predicted.
A lens that is refocused zooms; more than a similarity is seldom true, and often a fit to parallax
that would be far off at the corners."""
PARTS = 3
ROUNDS = 3


@dataclass(frozen=True)
class TileFit:
    """A fitted transform.

    Attributes:
        fit: Of the chosen model.
        inlier_share: Inliers over tiles that have texture and a blur that can be placed.
        likeness: Median over these of their likeness: two views of one scene have 0.9 and more,
            and below 0.7 is what two scenes have that share a mark or dust.
        scatter_px: Standard deviation of a coordinate of an inlier of weight 1, enlarged for the
            overlap of the tiles, which are no independent witnesses.
        agreeing: ``(T,)``, the inliers among all tiles.
    """

    fit: ModelFit
    inlier_share: float
    likeness: float
    scatter_px: float
    agreeing: Mask


@dataclass(frozen=True)
class NoFit:
    """Too little evidence, and the reason for saying so."""

    reason: str


def fit_tiles(
    found: TileShifts, measurable: Mask, start: Array, shape: tuple[int, ...]
) -> TileFit | NoFit:
    """Fit by RANSAC, then by weighted least squares on the inliers, the simplest sufficient model.

    Args:
        found: Shifts of tiles, measured under ``start``.
        measurable: ``(T,)``, False for tiles that are known to say nothing.
        start: ``(3, 3)``, the transform that the second picture was already moved by.
        shape: Height and width of the pictures.
    """
    candidates = measurable & _textured(found)
    usable = candidates & (found.peaks >= LEAST_PEAK_OVER_NOISE * found.noise_peak)
    count = int(usable.sum())
    if count < LEAST_TILES:
        return NoFit(f"only {count} of {usable.size} tiles show enough in common")
    first = found.centres[usable]
    second = moved_points(start, first + found.shifts[usable])
    _, voted = cv2.estimateAffinePartial2D(
        first, second, method=cv2.RANSAC, ransacReprojThreshold=INLIER_PX, maxIters=2000
    )
    keep = np.zeros(count, dtype=bool) if voted is None else voted[:, 0] > 0
    matches = _Matches(first, second, found.errors_px[usable])
    best, chosen, corner_px = None, _Checked(np.inf, np.inf), 0.0
    for model, ratio in LEAST_GAIN.items():
        settled = _settled(model, matches, keep, shape)
        if settled is None:
            continue
        checked = _without_parts(settled, matches, shape)
        if best is None or checked.squared < ratio * chosen.squared:
            best, chosen, corner_px = settled, checked, checked.corner_error_px
        elif model == "similarity":  # that no zoom is seen does not mean that it is known
            corner_px = max(corner_px, checked.corner_error_px)
    if best is None:
        return NoFit("the tiles of the two pictures do not agree on one displacement")
    overlapping = float(np.sqrt(found.overlap))
    scatter = float(max(overlapping, corner_px / best.fit.corner_factor_px))
    share = float(best.keep.sum() / candidates.sum())
    likeness = float(np.median(found.likeness[candidates]))
    agreeing = usable.copy()
    agreeing[usable] = best.keep
    return TileFit(best.fit, share, likeness, scatter, agreeing)


def _textured(found: TileShifts) -> Mask:
    least, greatest = found.slopes.T
    return np.asarray((least >= LEAST_SLOPE) & (least >= LEAST_SLOPE_RATIO * greatest))


@dataclass(frozen=True)
class _Matches:
    """Usable tiles: positions in both pictures ``(N, 2)`` and predicted errors ``(N,)``, px."""

    first: Array
    second: Array
    errors: Array

    def of(self, keep: Mask) -> tuple[Array, Array]:
        return self.first[keep], self.second[keep]


@dataclass(frozen=True)
class _Settled:
    """A fit, the tiles that agree with it, and the weights of all, inverse variances in px^-2."""

    fit: ModelFit
    keep: Mask
    weights: Array


def _settled(model: str, matches: _Matches, keep: Mask, shape: tuple[int, ...]) -> _Settled | None:
    """The fit to the tiles that it itself agrees with; None where these are too few.

    What the tiles scatter beyond their predicted errors (parallax, blur that changes within a
    tile) is a variance of its own, the same for all: a sharp tile is not trusted boundlessly.
    """
    settled, extra = None, FIRST_EXTRA_PX**2
    for _ in range(ROUNDS):
        if keep.sum() < LEAST_TILES:
            return None
        weights = 1.0 / (np.square(matches.errors) + extra)
        on = fit_model(model, *matches.of(keep), weights[keep], shape)
        distances = np.linalg.norm(moved_points(on.matrix, matches.first) - matches.second, axis=1)
        keep = distances <= INLIER_PX
        settled = _Settled(replace(on, residuals=distances), keep, weights)
        if keep.any():
            beyond = np.square(distances[keep]) / 2 - np.square(matches.errors[keep])
            extra = max(float(beyond.mean()), LEAST_EXTRA_PX**2)
    return settled if keep.sum() >= LEAST_TILES else None


@dataclass(frozen=True)
class _Checked:
    """What leaving out parts of the picture shows.

    Attributes:
        squared: Mean squared distance of tiles from where the other parts predict them, px^2; an
            outlier counts as one at the inlier limit.
        corner_error_px: Standard error at the worst corner (jackknife); infinite where the result
            hangs on one part alone.
    """

    squared: float
    corner_error_px: float


def _without_parts(settled: _Settled, matches: _Matches, shape: tuple[int, ...]) -> _Checked:
    """Fit without each part of the picture in turn.

    Neighbouring tiles err alike (they overlap, they see the same depth), so whole parts are left
    out: their prediction tells how good the model is, the change of the result how sure.
    """
    height, width = shape
    column = np.minimum(matches.first[:, 0] * PARTS / width, PARTS - 1).astype(int)
    row = np.minimum(matches.first[:, 1] * PARTS / height, PARTS - 1).astype(int)
    part, places = row * PARTS + column, corners(shape)
    ends, squared = [], np.full(len(part), INLIER_PX**2)
    for index in np.unique(part):
        keep, left = settled.keep & (part != index), part == index
        if keep.sum() < LEAST_TILES:
            return _Checked(INLIER_PX**2, float("inf"))
        fit = fit_model(settled.fit.model, *matches.of(keep), settled.weights[keep], shape)
        apart = moved_points(fit.matrix, matches.first[left]) - matches.second[left]
        squared[left] = np.minimum(np.square(apart).sum(axis=1), INLIER_PX**2)
        ends.append(moved_points(fit.matrix, places))
    apart = np.array(ends) - np.mean(ends, axis=0)
    variances = (len(ends) - 1) / len(ends) * np.square(apart).sum(axis=(0, 2))
    return _Checked(float(squared.mean()), float(np.sqrt(variances.max())))
