"""Robust fit of one model to tiles, and what it predicts of the parts of the picture left out."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Indices, Mask, Shape
from defocus.align.registration.models import (
    DisplacementScatter,
    ModelFit,
    Spread,
    corners_and_centre,
    fit_model,
    fit_transforms,
    radial,
)
from defocus.align.uncertainty import huber_weights
from defocus.scene.geometry import moved_points

INLIER_PX = 0.7
FIRST_EXTRA_PX = 0.2
"""First guess of the scatter of all tiles beyond their errors (parallax), px."""
LEAST_EXTRA_PX = 0.02
"""Least scatter of all tiles beyond their errors, px."""
LARGEST_PARALLAX_PX = 2.5
"""Largest parallax, px to either side, at which a tile still agrees. A layer farther off is
outvoted."""
DIRECTIONS = 18
"""Number of directions, over half a turn, in which a parallax is sought."""
SLOPE = 0.06
"""Standard deviation of the parallax over the circle of confusion, px per px. With half or twice
this value the pairs of "choose" are registered as exactly."""
SLOPE_ROUNDS = 8
SIGNIFICANT = 2.0
"""Standard errors by which a slope must differ from zero. With 3 the pairs of "choose" gain half as
much; with 0 real-like pairs without parallax lose."""
LEAST_SLOPE_GAIN = 0.95
"""Largest ratio of the squared prediction errors, with and without that parallax, at which it is
kept."""
HUBER = 2.0
"""Standard deviations beyond which a tile that agrees counts less, in proportion."""
CLEARLY_MORE = 1.1
"""Factor by which more tiles must agree before a fit starts with an asymmetry or has a parallax."""


def scatter_of(
    apart: Doubles,
    errors: Doubles,
    before: DisplacementScatter,
) -> DisplacementScatter:
    """Scatter of the agreeing tiles, along and across the direction in which they are close."""
    close = np.linalg.norm(apart, axis=1) <= INLIER_PX
    band = _in_bands(apart)
    # a blurred tile is far off by its own error: what it says of parallax counts as little
    variances = np.square(errors) + FIRST_EXTRA_PX**2
    telling = 1 / variances
    counts = telling @ band
    best = int(counts.argmax())
    if counts[best] > CLEARLY_MORE * telling @ close:
        keep = band[:, best]
        return _scatter_along(apart[keep], errors[keep])
    if close.any():
        return _even_scatter(apart[close], errors[close], before)
    return before


def _in_bands(apart: Doubles) -> Mask:
    """``(N, DIRECTIONS)``: the tiles that are close across a direction, and not too far along."""
    angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    cosine = np.cos(angles)
    sine = np.sin(angles)
    along = np.stack([cosine, sine])
    across = np.stack([-sine, cosine])
    narrow = np.abs(apart @ across) <= INLIER_PX
    near = np.abs(apart @ along) <= LARGEST_PARALLAX_PX
    return np.asarray(narrow & near)


def _even_scatter(
    apart: Doubles,
    errors: Doubles,
    before: DisplacementScatter,
) -> DisplacementScatter:
    """The same scatter in every direction."""
    own = np.square(errors)
    squares = np.square(apart).mean(axis=1) - own
    # sharp tiles show what all scatter by; blurred ones would drown it in their errors
    sure = 1 / np.square(own + np.mean(before.variances))
    mean = float(np.average(squares, weights=sure))
    variance = max(mean, LEAST_EXTRA_PX**2)
    return DisplacementScatter(np.eye(2), (variance, variance))


def _scatter_along(apart: Doubles, errors: Doubles) -> DisplacementScatter:
    """The scatter along and across the direction in which tiles scatter most."""
    least_variance = LEAST_EXTRA_PX**2
    scatter = apart.T @ apart / len(apart)
    values, vectors = np.linalg.eigh(scatter)
    own = np.square(errors).mean()
    extra = np.maximum(values - own, least_variance)
    least, most = extra.tolist()
    # their own errors explain how far apart these tiles lie
    if most == least_variance:
        return DisplacementScatter(np.eye(2), (most, least))
    axes = vectors.T[::-1]
    return DisplacementScatter(axes, (most, least), parallax=True)


def distances_px(apart: Doubles, scatter: DisplacementScatter) -> Doubles:
    """Distances in px across a parallax, and relative to its scatter along it."""
    if not scatter.parallax:
        return np.asarray(np.linalg.norm(apart, axis=1))
    along, across = (apart @ scatter.axes.T).T
    relative = along * INLIER_PX / LARGEST_PARALLAX_PX
    return np.asarray(np.hypot(relative, across))


def trusted(apart: Doubles, errors: Doubles, scatter: DisplacementScatter) -> Doubles:
    """``(N,)``: 1, or less in proportion to how far off a tile lies (Huber)."""
    own = np.square(errors)[:, None]
    variances = own + scatter.variances
    along_axes = np.square(apart @ scatter.axes.T)
    squares = (along_axes / variances).sum(axis=1)
    return huber_weights(np.sqrt(squares), HUBER)


def depth_parallax(
    first: Doubles,
    second: Doubles,
    coc_px: Doubles,
    errors: Doubles,
    overlap: float,
) -> Doubles:
    """The parallax that grows with the blur, ``(N, 2)`` px: both are linear in inverse depth.

    Sharp tiles before a blurred background err alike; a focus in mid-scene is missed. Zero if none.
    """
    moved = second - first
    sure = 1 / np.square(errors)
    coc = coc_px - np.average(coc_px, weights=sure)
    design = _parallax_design(first, coc)
    only_slopes = np.diag([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    prior = only_slopes * overlap / SLOPE**2
    normal, parameters = _parallax_fit(first, errors, design, prior, moved)
    # what the tiles say of the slope beside the similarity; overlapping tiles err alike
    inverse = np.linalg.pinv(normal)
    covariance = overlap * inverse[4:, 4:]
    slope = parameters[4:]
    if slope @ np.linalg.solve(covariance, slope) <= SIGNIFICANT**2:
        return np.zeros_like(moved)
    return coc[:, None] * slope


def _parallax_fit(
    first: Doubles,
    errors: Doubles,
    design: Doubles,
    prior: Doubles,
    moved: Doubles,
) -> tuple[Doubles, Doubles]:
    """Parameters by weighted least squares that trusts outliers less, and the normal matrix."""
    counts = np.ones(len(first))
    variances = np.square(errors) + FIRST_EXTRA_PX**2
    deviations = np.sqrt(variances)
    for step in range(SLOPE_ROUNDS):
        weights = counts / variances
        normal = np.einsum("nip,n,niq->pq", design, weights, design) + prior
        right = np.einsum("nip,n,ni->p", design, weights, moved)
        parameters = np.linalg.pinv(normal) @ right
        left = design @ parameters - moved
        apart = np.linalg.norm(left, axis=1)
        # a layer farther off than parallax reaches is outvoted, at first a near one is not
        limit = LARGEST_PARALLAX_PX * 0.5 ** min(step, 2)
        counts = (apart <= limit) * huber_weights(apart / deviations, HUBER)
    return normal, parameters


def _parallax_design(first: Doubles, coc: Doubles) -> Doubles:
    """``(N, 2, 6)``: what shift, zoom, rotation and the slopes right and down move a tile by."""
    centre = first.mean(axis=0)
    extent = max(float(np.ptp(first)), 1.0)
    relative = (first - centre) / extent
    x, y = relative.T
    one = np.ones_like(x)
    zero = np.zeros_like(x)
    across = np.stack([one, zero, x, -y, coc, zero], axis=1)
    down = np.stack([zero, one, y, x, zero, coc], axis=1)
    return np.stack([across, down], axis=1)


LEAST_TILES = 6
OWN_ERROR_PX = 0.02
"""Error of a sharp tile beyond its prediction, px."""
ERROR_OVER_COC = 0.03
"""Error that a blur adds, as a share of the circle of confusion. Depth edges and kernels that are
not discs move a blurred tile, not a sharp one."""
PARTS = 3
ROUNDS = 3


@dataclass(frozen=True)
class Matches:
    """Usable tiles: positions in both pictures, predicted errors, px, and circles of confusion."""

    first: Doubles  # positions in both pictures, ``(N, 2)``
    second: Doubles  # positions in both pictures, ``(N, 2)``
    errors: Doubles  # predicted errors, ``(N,)``, px
    spread: Spread

    def of(self, keep: Mask) -> tuple[Doubles, Doubles]:
        """Positions of some of the tiles."""
        return self.first[keep], self.second[keep]

    def without(self, asymmetry: float | Doubles, shape: Shape) -> "Matches":
        """The tiles without the effect of the asymmetry, of all or ``(N, 1)`` of each."""
        moved = asymmetry * radial(self.first, self.spread.coc_px, shape)
        return replace(self, second=self.second - moved)


@dataclass(frozen=True)
class Settled:
    """A fit, the tiles that agree with it, the weights of all tiles (px^-2), and their scatter."""

    fit: ModelFit
    keep: Mask
    weights: Doubles
    scatter: DisplacementScatter


def voted(matches: Matches) -> Mask:
    """The tiles that agree on one similarity."""
    _, inliers = cv2.estimateAffinePartial2D(
        matches.first,
        matches.second,
        method=cv2.RANSAC,
        ransacReprojThreshold=INLIER_PX,
        maxIters=2000,
    )
    return (
        np.zeros(len(matches.first), dtype=bool)
        if inliers is None
        else inliers[:, 0] > 0
    )


def errors_of(predicted: Doubles, coc_px: Doubles) -> Doubles:
    """Standard errors of tiles, px: what the peaks predict, and what grows with the blur."""
    by_blur = ERROR_OVER_COC * coc_px
    variances = predicted**2 + OWN_ERROR_PX**2 + by_blur**2
    return np.sqrt(variances)


def settled_on(
    model: str,
    matches: Matches,
    keep: Mask,
    shape: Shape,
    *,
    asymmetric: bool = False,
) -> Settled | None:
    """Fit to the tiles that agree with the fit itself; None if they are too few.

    Scatter beyond their errors (parallax) is a common covariance, so no sharp tile has all weight.
    """
    settled = None
    variance = FIRST_EXTRA_PX**2
    scatter = DisplacementScatter(np.eye(2), (variance, variance))
    counts = np.ones(len(matches.first))
    for _ in range(ROUNDS):
        if keep.sum() < LEAST_TILES:
            return None
        variances = np.square(matches.errors)[:, None] + scatter.variances
        weights = counts[:, None] / variances
        spread = matches.spread.of(keep) if asymmetric else None
        start, end = matches.of(keep)
        on = fit_model(
            model,
            start,
            end,
            weights[keep],
            shape,
            spread,
            scatter,
        )
        scatter, keep, counts = _agreement(matches, shape, on, scatter)
        settled = Settled(on, keep, weights, scatter)
    return settled if keep.sum() >= LEAST_TILES else None


def _agreement(
    matches: Matches,
    shape: Shape,
    on: ModelFit,
    scatter: DisplacementScatter,
) -> tuple[DisplacementScatter, Mask, Doubles]:
    """Scatter, agreeing tiles and trust in each after a fit."""
    seen = matches.without(on.asymmetry, shape)
    apart = moved_points(on.matrix, seen.first) - seen.second
    scatter = scatter_of(apart, matches.errors, scatter)
    keep = distances_px(apart, scatter) <= INLIER_PX
    counts = trusted(apart, matches.errors, scatter)
    return scatter, keep, counts


@dataclass(frozen=True)
class Checked:
    """Result of leaving out parts; the corner's jackknife error may be infinite."""

    squared: float  # px^2, weighted by precision; outliers count with the limit
    corner_error_px: float


def parts(centres: NDArray[Any], shape: Shape) -> Indices:
    """``(N,)``, the part of the picture in which each of the ``(N, 2)`` places lies."""
    height, width = shape
    x, y = centres.T
    last = PARTS - 1
    column = np.minimum(x * PARTS / width, last).astype(int)
    row = np.minimum(y * PARTS / height, last).astype(int)
    return np.asarray(row * PARTS + column)


@dataclass(frozen=True)
class _LeftOut:
    """Fits without each part of the picture in turn; ``part`` is a tile's fit without it."""

    # ``(N,)``, the number of the fit that each tile is left out of
    part: Indices
    matrices: Doubles  # ``(K, 3, 3)`` and ``(K,)``
    asymmetries: Doubles  # ``(K, 3, 3)`` and ``(K,)``


def left_out(
    settled: Settled,
    matches: Matches,
    shape: Shape,
    *,
    asymmetric: bool,
) -> _LeftOut | None:
    """Fit without each part of the picture; None if too few tiles agree outside of one."""
    present, part = np.unique(parts(matches.first, shape), return_inverse=True)
    left_out_part = np.arange(len(present))[:, None]
    keep = settled.keep & (part != left_out_part)
    if keep.sum(axis=1).min() < LEAST_TILES:
        return None
    transforms, asymmetries = fit_transforms(
        settled.fit.model,
        matches.first,
        matches.second,
        keep[:, :, None] * settled.weights,
        shape,
        matches.spread if asymmetric else None,
        settled.scatter,
    )
    return _LeftOut(part, transforms, asymmetries)


def without_parts(
    settled: Settled,
    matches: Matches,
    shape: Shape,
    asymmetric: bool = False,
) -> Checked:
    """Fit without each part in turn: neighbours err alike, so whole parts are left out.

    Their prediction measures the quality of the model, the change of the result its certainty."""
    fits = left_out(settled, matches, shape, asymmetric=asymmetric)
    scatter = settled.scatter
    if fits is None:
        return Checked(INLIER_PX**2, float("inf"))
    seen = matches.without(fits.asymmetries[fits.part, None], shape)
    predicted = moved_points(fits.matrices[fits.part], seen.first[:, None])
    apart = predicted[:, 0] - seen.second
    squared = np.square(distances_px(apart, scatter))
    squared = np.minimum(squared, INLIER_PX**2)
    sure = 1 / (np.square(matches.errors) + LEAST_EXTRA_PX**2)
    weighted = np.average(squared, weights=sure)
    variances = _end_variances(shape, fits, scatter)
    return Checked(float(weighted), float(np.sqrt(variances.max())))


def _end_variances(
    shape: Shape,
    fits: _LeftOut,
    scatter: DisplacementScatter,
) -> Doubles:
    """Jackknife variances of the corners and the centre, px²."""
    ends = moved_points(fits.matrices, corners_and_centre(shape))
    at_corners = scatter.at_corners(ends - ends.mean(axis=0))
    return np.asarray(
        (len(ends) - 1) / len(ends) * np.square(at_corners).sum(axis=(0, 2))
    )
