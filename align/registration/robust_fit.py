"""Robust fit of one model to tiles, and what it predicts of the parts of the picture left out."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.models import (
    DisplacementScatter,
    ModelFit,
    Spread,
    corners_and_centre,
    fit_model,
    fit_transforms,
    radial,
)
from defocus.align.registration.tiles.parallax import (
    FIRST_EXTRA_PX,
    INLIER_PX,
    LEAST_EXTRA_PX,
    distances_px,
    scatter_of,
    trusted,
)
from defocus.scene.geometry import moved_points

__all__ = [
    "ERROR_OVER_COC",
    "LEAST_TILES",
    "Checked",
    "Matches",
    "Settled",
    "errors_of",
    "left_out",
    "parts",
    "settled_on",
    "voted",
    "without_parts",
]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_TILES = 6
OWN_ERROR_PX, ERROR_OVER_COC = 0.02, 0.03
"""Error of a tile beyond its prediction: always, and over its circle of confusion. Depth edges and
kernels that are no discs move a blurred tile, not a sharp one."""
PARTS = 3
ROUNDS = 3


@dataclass(frozen=True)
class Matches:
    """Usable tiles: positions in both pictures, predicted errors, px, and circles of confusion."""

    first: Array  # positions in both pictures, ``(N, 2)``
    second: Array  # positions in both pictures, ``(N, 2)``
    errors: Array  # predicted errors, ``(N,)``, px
    spread: Spread

    def of(self, keep: Mask) -> tuple[Array, Array]:
        """Positions of some of the tiles."""
        return self.first[keep], self.second[keep]

    def without(self, asymmetry: float | Array, shape: tuple[int, ...]) -> "Matches":
        """The tiles without the effect of the asymmetry, of all or ``(N, 1)`` of each."""
        moved = asymmetry * radial(self.first, self.spread.coc_px, shape)
        return replace(self, second=self.second - moved)


@dataclass(frozen=True)
class Settled:
    """A fit, the tiles that agree with it, the weights of all tiles (px^-2), and their scatter."""

    fit: ModelFit
    keep: Mask
    weights: Array
    scatter: DisplacementScatter


def voted(matches: Matches) -> Mask:
    """The tiles that agree on one similarity."""
    _, found = cv2.estimateAffinePartial2D(
        matches.first,
        matches.second,
        method=cv2.RANSAC,
        ransacReprojThreshold=INLIER_PX,
        maxIters=2000,
    )
    return np.zeros(len(matches.first), dtype=bool) if found is None else found[:, 0] > 0


def errors_of(predicted: Array, coc_px: Array) -> Array:
    """Standard errors of tiles, px: what the peaks predict, and what grows with the blur."""
    return np.asarray(np.sqrt(predicted**2 + OWN_ERROR_PX**2 + (ERROR_OVER_COC * coc_px) ** 2))


def settled_on(
    model: str, matches: Matches, keep: Mask, shape: tuple[int, ...], *, asymmetric: bool = False
) -> Settled | None:
    """Fit to the tiles that agree with the fit itself; None if they are too few.

    Scatter beyond their errors (parallax) is a common covariance, so no sharp tile has all weight.
    """
    settled, scatter = None, DisplacementScatter(np.eye(2), (FIRST_EXTRA_PX**2, FIRST_EXTRA_PX**2))
    counts = np.ones(len(matches.first))
    for _ in range(ROUNDS):
        if keep.sum() < LEAST_TILES:
            return None
        weights = counts[:, None] / (np.square(matches.errors)[:, None] + scatter.variances)
        spread = matches.spread.of(keep) if asymmetric else None
        on = fit_model(model, *matches.of(keep), weights[keep], shape, spread, scatter)
        seen = matches.without(on.asymmetry, shape)
        apart = moved_points(on.matrix, seen.first) - seen.second
        scatter = scatter_of(apart, matches.errors, scatter)
        keep = distances_px(apart, scatter) <= INLIER_PX
        counts = trusted(apart, matches.errors, scatter)
        settled = Settled(on, keep, weights, scatter)
    return settled if keep.sum() >= LEAST_TILES else None


@dataclass(frozen=True)
class Checked:
    """Result of leaving out parts; the corner's jackknife error may be infinite."""

    squared: float  # px^2, weighted by precision; outliers count with the limit
    corner_error_px: float


def parts(centres: Array, shape: tuple[int, ...]) -> NDArray[np.int_]:
    """``(N,)``, the part of the picture in which each of the ``(N, 2)`` places lies."""
    height, width = shape
    column = np.minimum(centres[:, 0] * PARTS / width, PARTS - 1).astype(int)
    row = np.minimum(centres[:, 1] * PARTS / height, PARTS - 1).astype(int)
    return np.asarray(row * PARTS + column)


@dataclass(frozen=True)
class _LeftOut:
    """Fits without each part of the picture in turn; ``part`` is a tile's fit without it."""

    part: NDArray[np.int_]  # ``(N,)``, the number of the fit that each tile is left out of
    matrices: Array  # ``(K, 3, 3)`` and ``(K,)``
    asymmetries: Array  # ``(K, 3, 3)`` and ``(K,)``


def left_out(
    settled: Settled, matches: Matches, shape: tuple[int, ...], *, asymmetric: bool
) -> _LeftOut | None:
    """Fit without each part of the picture; None if too few tiles agree outside of one."""
    present, part = np.unique(parts(matches.first, shape), return_inverse=True)
    keep = settled.keep & (part != np.arange(len(present))[:, None])
    if keep.sum(axis=1).min() < LEAST_TILES:
        return None
    weights, spread = keep[:, :, None] * settled.weights, matches.spread if asymmetric else None
    points, model = (matches.first, matches.second), settled.fit.model
    return _LeftOut(part, *fit_transforms(model, *points, weights, shape, spread, settled.scatter))


def without_parts(
    settled: Settled, matches: Matches, shape: tuple[int, ...], asymmetric: bool = False
) -> Checked:
    """Fit without each part in turn: neighbours err alike, so whole parts are left out.

    Their prediction measures the quality of the model, the change of the result its certainty.
    """
    found, scatter = left_out(settled, matches, shape, asymmetric=asymmetric), settled.scatter
    if found is None:
        return Checked(INLIER_PX**2, float("inf"))
    seen = matches.without(found.asymmetries[found.part, None], shape)
    predicted = moved_points(found.matrices[found.part], seen.first[:, None])[:, 0]
    squared = np.minimum(np.square(distances_px(predicted - seen.second, scatter)), INLIER_PX**2)
    weighted = np.average(squared, weights=1 / (np.square(matches.errors) + LEAST_EXTRA_PX**2))
    ends = moved_points(found.matrices, corners_and_centre(shape))
    at_corners = scatter.at_corners(ends - ends.mean(axis=0))
    variances = (len(ends) - 1) / len(ends) * np.square(at_corners).sum(axis=(0, 2))
    return Checked(float(weighted), float(np.sqrt(variances.max())))
