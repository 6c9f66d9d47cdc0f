"""Fit of one transform to the shifts of tiles, and its reliability."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.models import (
    DisplacementScatter,
    ModelFit,
    Spread,
    corner_distance_px,
    corners_and_centre,
    fit_model,
    fit_transforms,
    radial,
)
from defocus.align.registration.parallax import (
    CLEARLY_MORE,
    FIRST_EXTRA_PX,
    INLIER_PX,
    LEAST_EXTRA_PX,
    LEAST_SLOPE_GAIN,
    depth_parallax,
    distances_px,
    scatter_of,
    trusted,
)
from defocus.align.registration.tiles import TileShifts
from defocus.optics.geometry import moved_points

__all__ = ["ERROR_OVER_COC", "NoFit", "TileFit", "fit_tiles", "parts"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_PEAK_OVER_NOISE = 1.1
LEAST_TILES = 6
OWN_ERROR_PX, ERROR_OVER_COC = 0.02, 0.03
"""Error of a tile beyond its prediction: always, and over its circle of confusion. Depth edges and
kernels that are no discs move a blurred tile, not a sharp one."""
LEAST_GAIN = {"translation": 1.0, "rigid": 0.95, "similarity": 0.95, "affine": 0.5,
              "homography": 0.5}  # fmt: skip
"""What a richer model has to make of the squared error with which left-out parts are predicted.
A lens that is refocused zooms; more than a similarity is seldom true, and often a fit to parallax
that would be far off at the corners."""
FIRST_BESIDE_SHIFT = ("rigid", "similarity")
LEAST_DISTANCE = 3.0
"""So many of its own standard errors more than a similarity must lie from it at a corner."""
LEAST_ASYMMETRY_GAIN = 0.7
"""What an asymmetry has to make of the squared error with which left-out parts are predicted."""
PARTS = 3
ROUNDS = 3
ASYMMETRY = 0.12
"""Standard deviation of a lens's asymmetry where the shape of the point spread does not tell it, px
at the corner per px of circle of confusion: symmetric kernels need 0.02, a strong cat's eye 0.2."""
TRIED_ASYMMETRIES = (0.0, 0.1, -0.1, 0.2, -0.2)
ASYMMETRY_ERROR = 0.02
"""Standard error of an asymmetry that all tiles share: what pairs of symmetric kernels need, in
which depth moves a place as well as it blurs it."""
SIGNIFICANT = 3.0
"""So many standard errors an asymmetry has to differ from none before the fit allows for it."""


@dataclass(frozen=True)
class TileFit:
    """A transform fitted to tiles.

    Attributes:
        fit: The fit of the chosen model.
        inlier_share: Share of inliers among tiles with texture and a measurable blur.
        likeness: Median similarity of these tiles: two views of one scene have 0.9 or more;
            different scenes that share a mark or dust have less than 0.7.
        scatter_px: Standard deviation of a coordinate of an inlier of weight 1, enlarged for the
            overlap of the tiles, which are not independent.
        agreeing: ``(T,)``, the inliers among all tiles.
        asymmetry: Asymmetry of the point spread in the fit; see :class:`ModelFit`.
        asymmetry_px: Standard error at the worst corner from the asymmetry: its effect there, times
            its uncertainty. A constant circle of confusion cannot separate it from a zoom.
        parallax: Whether the tiles scatter along one direction, which was fitted too.
    """

    fit: ModelFit
    inlier_share: float
    likeness: float
    scatter_px: float
    agreeing: Mask
    asymmetry: float
    asymmetry_px: float
    parallax: bool


@dataclass(frozen=True)
class NoFit:
    """Too little evidence, with the reason."""

    reason: str


def fit_tiles(
    found: TileShifts,
    measurable: Mask,
    coc_px: Array,
    start: Array,
    shape: tuple[int, ...],
    prior: float = ASYMMETRY,
    at_most: str = "homography",
) -> TileFit | NoFit:
    """Fit by RANSAC, then by weighted least squares on the inliers, the simplest sufficient model.

    Args:
        found: Shifts of tiles, measured under ``start``.
        measurable: ``(T,)``, False for tiles without information.
        coc_px: ``(T,)`` diameters of the circle of confusion, px.
        start: ``(3, 3)``, the transform already applied to the second picture.
        shape: Height and width of the pictures.
        prior: Standard deviation of the point spread's asymmetry before the measurement of
            displacements.
        at_most: Richest model that is tried.
    """
    candidates = measurable & found.textured
    usable = candidates & (found.peaks >= LEAST_PEAK_OVER_NOISE * found.noise_peak)
    count = int(usable.sum())
    if count < LEAST_TILES:
        return NoFit(
            f"only {count} of {usable.size} tiles show enough in common, {LEAST_TILES} are needed"
        )
    first = found.centres[usable]
    second = moved_points(start, first + found.shifts[usable])
    precision = found.overlap / prior**2
    errors = _errors(found.errors_px[usable], coc_px[usable])
    matches = _Matches(first, second, errors, Spread(coc_px[usable], precision))
    beside = "rigid" if at_most == "rigid" else "similarity"
    asymmetry, asymmetry_px = _asymmetry(beside, matches, shape, prior)
    matches = _at_one_depth(matches.without(asymmetry, shape), beside, found.overlap, shape)
    keep = _voted(matches)
    simplest = _simplest(matches, keep, shape, at_most)
    if simplest is None:
        return NoFit("the tiles of the two pictures do not agree on one displacement")
    best, corner_px = simplest
    overlapping = float(np.sqrt(found.overlap))
    scatter = float(max(overlapping, corner_px / best.fit.corner_factor_px))
    share = float(best.keep.sum() / candidates.sum())
    likeness = float(np.median(found.likeness[candidates]))
    agreeing = usable.copy()
    agreeing[usable] = best.keep
    parallax = best.scatter.parallax
    return TileFit(best.fit, share, likeness, scatter, agreeing, asymmetry, asymmetry_px, parallax)


def _simplest(
    matches: "_Matches", keep: Mask, shape: tuple[int, ...], at_most: str
) -> tuple["_Settled", float] | None:
    """The simplest sufficient model, and its standard error at the worst corner."""
    best, chosen, corner_px = None, _Checked(np.inf, np.inf), 0.0
    for model in _tried(at_most):
        settled = _settled(model, matches, keep, shape)
        if settled is None:
            continue
        checked = _without_parts(settled, matches, shape)
        if best is None or _clearly_better(model, (settled, checked), (best, chosen), shape):
            best, chosen, corner_px = settled, checked, checked.corner_error_px
        elif model in FIRST_BESIDE_SHIFT:  # that no zoom is seen does not mean that it is known
            corner_px = max(corner_px, checked.corner_error_px)
    return None if best is None else (best, corner_px)


def _tried(at_most: str) -> list[str]:
    """From the simplest to the richest model; where the zoom is known, none that has one."""
    if at_most == "rigid":
        return ["translation", "rigid"]
    models = [model for model in LEAST_GAIN if model != "rigid"]
    return models[: models.index(at_most) + 1]


def _clearly_better(
    model: str,
    new: tuple["_Settled", "_Checked"],
    best: tuple["_Settled", "_Checked"],
    shape: tuple[int, ...],
) -> bool:
    """Whether a richer model predicts left-out parts better and is truly another one."""
    apart = corner_distance_px(new[0].fit.matrix, best[0].fit.matrix, shape, best[0].scatter)
    another = apart > LEAST_DISTANCE * new[1].corner_error_px
    clear = new[1].squared < LEAST_GAIN[model] * best[1].squared
    if model not in FIRST_BESIDE_SHIFT:
        return clear and another
    # scatter along a parallax hides what a zoom gains; then it has to leave less of that
    return clear or (another and new[0].scatter.area < best[0].scatter.area)


def _asymmetry(
    model: str, matches: "_Matches", shape: tuple[int, ...], prior: float
) -> tuple[float, float]:
    """The asymmetry of the point spread, fitted together with a model.

    Returns:
        The asymmetry, 0 if it is not significant, and its standard error at the worst corner: its
        effect there, times its own error.
    """
    keep = np.zeros(len(matches.first), dtype=bool)
    for tried in TRIED_ASYMMETRIES:
        voted = _voted(matches.without(tried, shape))
        keep = voted if voted.sum() > CLEARLY_MORE * keep.sum() else keep
    joint = _settled(model, matches, keep, shape, asymmetric=True)
    if joint is None:
        return 0.0, math.inf
    fit, precision = joint.fit, matches.spread.precision
    # the least that the tiles can err by, and what leaving out parts shows, without the prior
    least = precision * prior**2 / max(fit.asymmetry_information, 1e-9)
    shrunk = fit.asymmetry_information / (fit.asymmetry_information + precision)
    shown = _asymmetry_sigma(joint, matches, shape) / max(shrunk, 1e-9)
    variance = max(least, shown**2) + ASYMMETRY_ERROR**2
    left = math.sqrt(1 / (1 / prior**2 + 1 / variance))
    significant = fit.asymmetry**2 > SIGNIFICANT**2 * shrunk**2 * variance
    taken = significant and _predicts_better(joint, matches, shape)
    # parallax may look like an asymmetry too, so that what it explains is never sure
    doubt = math.hypot(left, fit.asymmetry) if taken else left
    return fit.asymmetry if taken else 0.0, fit.corner_per_asymmetry_px * doubt


def _predicts_better(joint: "_Settled", matches: "_Matches", shape: tuple[int, ...]) -> bool:
    """Whether an asymmetry predicts parts of the picture that it was not fitted to."""
    plain = _settled(joint.fit.model, matches, _voted(matches), shape)
    none = np.inf if plain is None else _without_parts(plain, matches, shape).squared
    return _without_parts(joint, matches, shape, True).squared < LEAST_ASYMMETRY_GAIN * none


def _at_one_depth(
    matches: "_Matches", model: str, overlap: float, shape: tuple[int, ...]
) -> "_Matches":
    """The tiles without the parallax that grows with their blur, if that is predicted better."""
    first, second, coc = matches.first, matches.second, matches.spread.coc_px
    parallax = depth_parallax(first, second, coc, matches.errors, overlap)
    if not parallax.any():
        return matches
    moved = replace(matches, second=second - parallax)
    settled = [_settled(model, one, _voted(one), shape) for one in (matches, moved)]
    plain, flat = (
        np.inf if fit is None else _without_parts(fit, one, shape).squared
        for fit, one in zip(settled, (matches, moved), strict=True)
    )
    return moved if flat < LEAST_SLOPE_GAIN * plain else matches


def _asymmetry_sigma(joint: "_Settled", matches: "_Matches", shape: tuple[int, ...]) -> float:
    """Standard error of the asymmetry by leaving out parts of the picture (jackknife)."""
    found = _left_out(joint, matches, shape, asymmetric=True)
    if found is None:
        return math.inf
    return math.sqrt((len(found.asymmetries) - 1) * np.var(found.asymmetries))


def _voted(matches: "_Matches") -> Mask:
    """The tiles that agree on one similarity."""
    _, voted = cv2.estimateAffinePartial2D(
        matches.first,
        matches.second,
        method=cv2.RANSAC,
        ransacReprojThreshold=INLIER_PX,
        maxIters=2000,
    )
    return np.zeros(len(matches.first), dtype=bool) if voted is None else voted[:, 0] > 0


def _errors(predicted: Array, coc_px: Array) -> Array:
    """Standard errors of tiles, px: what the peaks predict, and what grows with the blur."""
    return np.asarray(np.sqrt(predicted**2 + OWN_ERROR_PX**2 + (ERROR_OVER_COC * coc_px) ** 2))


@dataclass(frozen=True)
class _Matches:
    """Usable tiles.

    Attributes:
        first, second: Positions in both pictures, ``(N, 2)``.
        errors: Predicted errors, ``(N,)``, px.
        spread: Circles of confusion of the tiles.
    """

    first: Array
    second: Array
    errors: Array
    spread: Spread

    def of(self, keep: Mask) -> tuple[Array, Array]:
        return self.first[keep], self.second[keep]

    def without(self, asymmetry: float | Array, shape: tuple[int, ...]) -> "_Matches":
        """The tiles without the effect of the asymmetry, of all or ``(N, 1)`` of each."""
        moved = asymmetry * radial(self.first, self.spread.coc_px, shape)
        return replace(self, second=self.second - moved)


@dataclass(frozen=True)
class _Settled:
    """A fit, the tiles that agree with it, the weights of all tiles (px^-2), and their scatter."""

    fit: ModelFit
    keep: Mask
    weights: Array
    scatter: DisplacementScatter


def _settled(
    model: str, matches: _Matches, keep: Mask, shape: tuple[int, ...], *, asymmetric: bool = False
) -> _Settled | None:
    """Fit to the tiles that agree with the fit itself; None if they are too few.

    Scatter beyond the errors of the tiles (parallax) is a covariance common to all, and tiles far
    off count less, so that a sharp tile does not get unlimited weight.
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
        settled = _Settled(on, keep, weights, scatter)
    return settled if keep.sum() >= LEAST_TILES else None


@dataclass(frozen=True)
class _Checked:
    """Result of leaving out parts of the picture.

    Attributes:
        squared: Mean squared distance of tiles from the prediction of the other parts, px^2,
            weighted by the precision of the tiles; outliers count with the inlier limit.
        corner_error_px: Standard error at the worst corner (jackknife); infinite if the result
            depends on a single part.
    """

    squared: float
    corner_error_px: float


def parts(centres: Array, shape: tuple[int, ...]) -> NDArray[np.int_]:
    """``(N,)``, the part of the picture in which each of the ``(N, 2)`` places lies."""
    height, width = shape
    column = np.minimum(centres[:, 0] * PARTS / width, PARTS - 1).astype(int)
    row = np.minimum(centres[:, 1] * PARTS / height, PARTS - 1).astype(int)
    return np.asarray(row * PARTS + column)


@dataclass(frozen=True)
class _LeftOut:
    """Fits without each part of the picture in turn.

    Attributes:
        part: ``(N,)``, the number of the fit that each tile is left out of.
        matrices, asymmetries: ``(K, 3, 3)`` and ``(K,)``.
    """

    part: NDArray[np.int_]
    matrices: Array
    asymmetries: Array


def _left_out(
    settled: _Settled, matches: _Matches, shape: tuple[int, ...], *, asymmetric: bool
) -> _LeftOut | None:
    """Fit without each part of the picture; None if too few tiles agree outside of one."""
    present, part = np.unique(parts(matches.first, shape), return_inverse=True)
    keep = settled.keep & (part != np.arange(len(present))[:, None])
    if keep.sum(axis=1).min() < LEAST_TILES:
        return None
    weights, spread = keep[:, :, None] * settled.weights, matches.spread if asymmetric else None
    points, model = (matches.first, matches.second), settled.fit.model
    return _LeftOut(part, *fit_transforms(model, *points, weights, shape, spread, settled.scatter))


def _without_parts(
    settled: _Settled, matches: _Matches, shape: tuple[int, ...], asymmetric: bool = False
) -> _Checked:
    """Fit without each part of the picture in turn.

    Neighbouring tiles err alike (they overlap and see the same depth), so whole parts are left out.
    Their prediction measures the quality of the model, the change of the result its certainty.
    """
    found, scatter = _left_out(settled, matches, shape, asymmetric=asymmetric), settled.scatter
    if found is None:
        return _Checked(INLIER_PX**2, float("inf"))
    seen = matches.without(found.asymmetries[found.part, None], shape)
    predicted = moved_points(found.matrices[found.part], seen.first[:, None])[:, 0]
    squared = np.minimum(np.square(distances_px(predicted - seen.second, scatter)), INLIER_PX**2)
    weighted = np.average(squared, weights=1 / (np.square(matches.errors) + LEAST_EXTRA_PX**2))
    ends = moved_points(found.matrices, corners_and_centre(shape))
    at_corners = scatter.at_corners(ends - ends.mean(axis=0))
    variances = (len(ends) - 1) / len(ends) * np.square(at_corners).sum(axis=(0, 2))
    return _Checked(float(weighted), float(np.sqrt(variances.max())))
