"""Fit of one transform to the shifts of tiles, and its reliability."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from defocus.align.arrays import Doubles, Grey, Mask, Shape, Size
from defocus.align.photometry.blur_matching import FINE_DIAMETERS_PX
from defocus.align.registration.asymmetry import (
    ASYMMETRY,
    TileAsymmetry,
    fitted_asymmetry,
)
from defocus.align.registration.models import Area, ModelFit, Spread, corner_distance_px
from defocus.align.registration.robust_fit import (
    LEAST_SLOPE_GAIN,
    LEAST_TILES,
    Checked,
    Matches,
    Settled,
    depth_parallax,
    errors_of,
    settled_on,
    voted,
    without_parts,
)
from defocus.align.registration.tile_shifts import (
    TiledPicture,
    TileShifts,
    blurred_area,
    most_alike_shifts,
    tiled,
)
from defocus.scene.geometry import moved_points

# Small tiles: a tile of a sixth of the picture often shows two depths, whose blurs and occlusions
# move its peak, in real pairs by up to a pixel, though its height says a tenth of that. What is
# in focus has detail enough for half the side, and such a tile shows one depth more often.

SMALLEST_SIDE = 48
LARGEST_COC_PX = 3.0
"""Largest circle of confusion of a small tile, px. Where the blur grows across a tile its
displacement errs towards the sharper side."""
LEAST_LIKENESS = 0.8
"""Least likeness of a small tile, because noise looks sharp."""


@dataclass(frozen=True)
class SmallTiles:
    """Tiles small enough to be sharp, with their circles of confusion, height and width."""

    shifts: TileShifts
    coc_px: Doubles  # ``(S,)`` their circles of confusion
    tile: Size


def small_tiles(
    first: Grey,
    large: TiledPicture,
    moved: Grey,
    area: Area,
    reach: float,
) -> SmallTiles | None:
    """Measure tiles of half the side, up to ``reach`` px; None where they would be too small."""
    height, width = large.tile
    tile = height // 2, width // 2
    if min(tile) < SMALLEST_SIDE:
        return None
    rows, columns = large.grid
    grid = 2 * rows, 2 * columns
    # what is most alike with one more has a larger blur
    last = FINE_DIAMETERS_PX.index(LARGEST_COC_PX) + 2
    tried = np.array(FINE_DIAMETERS_PX[:last])
    blurred = blurred_area(moved, area, tried)
    shifts = most_alike_shifts(
        tiled(first, tile, grid, large.band),
        blurred,
        largest=reach,
    )
    return SmallTiles(shifts, tried[shifts.chosen], tile)


def with_small_tiles(
    large: TileShifts,
    coc_px: Doubles,
    small: SmallTiles | None,
    corner: Doubles,
) -> tuple[TileShifts, Doubles]:
    """Small tiles where the picture is sharp, large tiles elsewhere, and their blur.

    ``corner`` (x, y) is the origin of the small tiles."""
    if small is None:
        return large, coc_px
    shifts = replace(small.shifts, centres=small.shifts.centres + corner)
    alike = shifts.likeness >= LEAST_LIKENESS
    sharp = (small.coc_px <= LARGEST_COC_PX) & alike & shifts.textured
    apart = np.abs(shifts.centres[sharp][:, None] - large.centres)
    half = np.array(small.tile[::-1]) / 2
    within = (apart <= half).all(axis=2)
    kept = np.asarray(~within.any(axis=0), np.bool_)
    coc = np.concatenate([coc_px[kept], small.coc_px[sharp]])
    return _joined(large, kept, shifts, sharp), coc


def _joined(
    first: TileShifts,
    kept: Mask,
    second: TileShifts,
    taken: Mask,
) -> TileShifts:
    """Tiles of two sets together: those to keep of the first, and those to take of the second."""
    joined = {}
    for field in fields(TileShifts):
        if field.name != "overlap":
            own = getattr(first, field.name)[kept]
            other = getattr(second, field.name)[taken]
            joined[field.name] = np.concatenate([own, other])
    return TileShifts(**joined, overlap=max(first.overlap, second.overlap))


DISAGREE = "the tiles of the two pictures do not agree on one displacement"
LEAST_PEAK_OVER_NOISE = 1.1
LEAST_GAIN = {"translation": 1.0, "similarity": 0.95, "affine": 0.5, "homography": 0.5}
"""Largest ratio of squared prediction errors at which a richer model replaces a simpler one. A
refocused lens zooms; more than a similarity is seldom true, and often fits a parallax that would be
far off at the corners."""
LEAST_DISTANCE = 3.0
"""Least distance of a richer model from a similarity at a corner, in its own standard errors."""


@dataclass(frozen=True)
class TileFit:
    """A transform fitted to tiles."""

    fit: ModelFit
    inlier_share: float
    likeness: float  # median; one scene has 0.9 or more, others that share a mark less than 0.7
    scatter_px: float  # of an inlier of weight 1, enlarged for the tiles' overlap
    agreeing: Mask  # ``(T,)``, the inliers among all tiles
    asymmetry: TileAsymmetry | None  # None if no similarity fits together with one
    parallax: bool
    against_px: float  # distance of a richer model that tiles support; 0 if none

    @property
    def asymmetry_px(self) -> float:
        """Standard error at the worst corner from the asymmetry."""
        return math.inf if self.asymmetry is None else self.asymmetry.doubt_px


@dataclass(frozen=True)
class NoFit:
    """Too little evidence, with the reason."""

    reason: str


@dataclass(frozen=True)
class Start:
    """How the second picture was moved before its tiles were measured."""

    matrix: Doubles  # ``(3, 3)``, positions of the first picture to those of the second
    shape: Shape  # height and width of the pictures


def fit_tiles(
    shifts: TileShifts,
    measurable: Mask,
    coc_px: Doubles,
    start: Start,
    prior: float = ASYMMETRY,
    at_most: str = "homography",
    held: str | None = None,
) -> TileFit | NoFit:
    """Fit by RANSAC, then weighted least squares, the simplest model that is sufficient.

    What tiles say against ``at_most`` is in the errors; the search stays with a simpler ``held``.
    """
    candidates = measurable & shifts.textured
    usable = _usable(shifts, candidates)
    if isinstance(usable, NoFit):
        return usable
    matches, asymmetry = _matches(shifts, coc_px, start, prior, usable)
    keep = voted(matches)
    simplest = _simplest(matches, keep, start.shape, held or at_most)
    if simplest is None:
        return NoFit(DISAGREE)
    best, corner_px = simplest
    against = _against(at_most, best, matches, keep, start.shape)
    inlier_share = float(best.keep.sum() / candidates.sum())
    likeness = float(np.median(shifts.likeness[candidates]))
    scatter_px = _scatter_px(shifts, best, math.hypot(corner_px, against))
    return TileFit(
        best.fit,
        inlier_share,
        likeness,
        scatter_px,
        _agreeing(usable, best.keep),
        asymmetry,
        best.scatter.parallax,
        against,
    )


def _usable(shifts: TileShifts, candidates: Mask) -> Mask | NoFit:
    """The tiles with a peak above the noise, unless they are too few."""
    least_peaks = LEAST_PEAK_OVER_NOISE * shifts.noise_peak
    usable = candidates & (shifts.peaks >= least_peaks)
    count = int(usable.sum())
    if count < LEAST_TILES:
        return NoFit(
            f"only {count} of {usable.size} tiles show enough in common, {LEAST_TILES} are needed"
        )
    return usable


def _agreeing(usable: Mask, keep: Mask) -> Mask:
    """``(T,)``: the tiles that are usable and kept among the usable ones."""
    agreeing = usable.copy()
    agreeing[usable] = keep
    return agreeing


def _scatter_px(shifts: TileShifts, best: Settled, corner_px: float) -> float:
    """Scatter of the tiles, px: at least what their overlap makes of an error of 1 px."""
    overlapping = float(np.sqrt(shifts.overlap))
    return max(overlapping, corner_px / best.fit.corner_factor_px)


def _matches(
    shifts: TileShifts,
    coc_px: Doubles,
    start: Start,
    prior: float,
    usable: Mask,
) -> tuple[Matches, TileAsymmetry | None]:
    """Matched points at one depth, without the asymmetry of the spread, and that asymmetry."""
    shape = start.shape
    first = shifts.centres[usable]
    second = moved_points(start.matrix, first + shifts.shifts[usable])
    precision = shifts.overlap / prior**2
    errors = errors_of(shifts.errors_px[usable], coc_px[usable])
    matches = Matches(first, second, errors, Spread(coc_px[usable], precision))
    asymmetry = fitted_asymmetry(matches, shape, prior)
    taken = 0.0 if asymmetry is None else asymmetry.taken
    matches = _at_one_depth(matches.without(taken, shape), shifts.overlap, shape)
    return matches, asymmetry


def _simplest(
    matches: Matches,
    keep: Mask,
    shape: Shape,
    at_most: str,
) -> tuple[Settled, float] | None:
    """The simplest sufficient model, and its standard error at the worst corner."""
    best, beside, corner_px = None, None, 0.0
    for model in list(LEAST_GAIN)[: list(LEAST_GAIN).index(at_most) + 1]:
        settled = settled_on(model, matches, keep, shape)
        if settled is None:
            continue
        tried = settled, without_parts(settled, matches, shape)
        beside = tried if model == "similarity" else beside
        if best is None or _clearly_better(model, tried, best, shape):
            best = tried
            corner_px = tried[1].corner_error_px
        # that no zoom is seen does not mean that it is known
        elif model == "similarity":
            corner_px = max(corner_px, tried[1].corner_error_px)
    if best is None:
        return None
    if beside is not None and best[0].fit.model not in ("translation", "similarity"):
        corner_px = max(corner_px, _apart_from(beside, best, shape))
    return best[0], corner_px


def _against(
    at_most: str,
    best: Settled,
    matches: Matches,
    keep: Mask,
    shape: Shape,
) -> float:
    """Difference of a richer, forbidden model at the worst corner, px: the error of a wrong cap."""
    if at_most == "homography":
        return 0.0
    found = _simplest(matches, keep, shape, "homography")
    if found is None:
        return 0.0
    free = found[0]
    models = list(LEAST_GAIN)
    if models.index(free.fit.model) <= models.index(at_most):
        return 0.0
    return corner_distance_px(
        free.fit.matrix,
        best.fit.matrix,
        shape,
        free.scatter,
    )


def _apart_from(
    beside: tuple[Settled, Checked],
    best: tuple[Settled, Checked],
    shape: Shape,
) -> float:
    """Distance of two models at the worst corner, px; less where ``beside`` fits worse.

    16 richer models of rendered pairs, none true, were off by 2 to 10 of their own errors."""
    apart = corner_distance_px(
        beside[0].fit.matrix,
        best[0].fit.matrix,
        shape,
        best[0].scatter,
    )
    ratio = best[1].squared / max(beside[1].squared, 1e-12)
    return apart * min(1.0, math.sqrt(ratio))


def _clearly_better(
    model: str,
    new: tuple[Settled, Checked],
    best: tuple[Settled, Checked],
    shape: Shape,
) -> bool:
    """Whether a richer model predicts left-out parts better and is truly another one."""
    apart = corner_distance_px(
        new[0].fit.matrix,
        best[0].fit.matrix,
        shape,
        best[0].scatter,
    )
    another = apart > LEAST_DISTANCE * new[1].corner_error_px
    limit = LEAST_GAIN[model] * best[1].squared
    clear = new[1].squared < limit
    if model != "similarity":
        return clear and another
    # scatter along a parallax hides what a zoom gains; then it has to leave less of that
    narrower = new[0].scatter.area < best[0].scatter.area
    return clear or (another and narrower)


def _at_one_depth(matches: Matches, overlap: float, shape: Shape) -> Matches:
    """The tiles without the parallax that grows with their blur, if that is predicted better."""
    first = matches.first
    second = matches.second
    coc = matches.spread.coc_px
    parallax = depth_parallax(first, second, coc, matches.errors, overlap)
    if not parallax.any():
        return matches
    moved = replace(matches, second=second - parallax)
    plain = _squared_error(matches, shape)
    flat = _squared_error(moved, shape)
    return moved if flat < LEAST_SLOPE_GAIN * plain else matches


def _squared_error(matches: Matches, shape: Shape) -> float:
    """Squared error of similarities for parts that they were not fitted to; infinite without."""
    fit = settled_on("similarity", matches, voted(matches), shape)
    return np.inf if fit is None else without_parts(fit, matches, shape).squared
