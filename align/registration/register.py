"""Global registration by tiles, correlated with the sharp picture equally blurred, and RANSAC.

Where few tiles agree, or the blur is strong, a method without tiles must agree too."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft

from defocus.align.arrays import Doubles, Grey, Indices, Mask, Shape
from defocus.align.motion_limits import MotionLimits
from defocus.align.photometry.blur_matching import FINE_DIAMETERS_PX
from defocus.align.registration.asymmetry import ASYMMETRY, TileAsymmetry
from defocus.align.registration.doubt import SURE_INLIER_SHARE, doubt, repeats_farther
from defocus.align.registration.level import (
    LARGEST_UNKNOWN_PX,
    Level,
    measured_level,
    moved_picture,
    seen_by_intensity,
    size_of,
)
from defocus.align.registration.models import (
    MODELS,
    Area,
    ModelFit,
    corner_distance_px,
    half_diagonal_px,
    radial,
)
from defocus.align.registration.spread_shape import (
    BlurredTiles,
    SpreadShape,
    spread_shape,
)
from defocus.align.registration.tile_fit import (
    NoFit,
    SmallTiles,
    Start,
    TileFit,
    fit_tiles,
    small_tiles,
    with_small_tiles,
)
from defocus.align.registration.tile_shifts import (
    TiledPicture,
    TileShifts,
    blurred_area,
    first_tried,
    most_alike_shifts,
    tiled,
)
from defocus.align.registration.zoom_search import coarse_start
from defocus.align.sampling.pyramid import factor_for, reduced, rescaled
from defocus.errors import AlignmentError
from defocus.scene.geometry import Similarity

SMALLEST_SIDE = 32
SEARCH_SIDE = 256
FINEST_SIDE = 1536
TILE_BAND = 0.12
TILE_GRID = (9, 11)
SMALLEST_TILE = 48
LARGEST_TILE = 256

LARGEST_BLUR = 0.4
"""Largest mean circle of confusion in a tile, over its side: a tile cannot place a blur of its own
size."""

ROUNDS = 4
SETTLED_PX = 0.1
"""Largest movement of a corner, in pixels of the reduced picture, after which the search ends. If a
search does not settle, its last movement is part of its error, as is half the distance between two
models that alternate."""

CENTRE_SHARE = 0.003
"""Standard error at the centre that the tiles cannot show, over their circle of confusion."""
LEAST_ASYMMETRY = 0.02
"""Standard deviation of an asymmetry that the shape of the point spread does not show."""


@dataclass(frozen=True)
class Uncertainty:
    """Standard errors (1 σ) of a registration: the scatter of the tiles, and errors common to all.

    The common part is the asymmetry of the point spread, which looks like zoom."""

    shift_px: float  # standard error of each coordinate of the shift, pixels of the full picture
    zoom: float  # standard error of the zoom ratio
    rotation_deg: float  # standard error of the rotation, degrees
    corner_px: float


@dataclass(frozen=True)
class Registration:
    """The transform from blurry to sharp positions, or ``reason`` why there is none."""

    similarity: Similarity | None  # the closest to ``matrix``; None without result
    reason: str = ""  # why there is none; else empty
    inlier_share: float = 0.0
    matrix: Doubles | None = None  # ``(3, 3)`` float64, px of the full picture, or None
    model: str = ""  # the simplest that the tiles support; empty if there is none
    uncertainty: Uncertainty | None = (
        None  # standard errors; None if there is no transform
    )
    agreeing: int = 0
    blur_px: float = 0.0  # root mean squared circle of confusion of these tiles
    asymmetry: TileAsymmetry | None = None
    alone: str = (
        ""  # why there is none without what the pair's session shares; else empty
    )
    limited: bool = (
        False  # shifts that fit as well were left out, as a person says how far
    )

    @property
    def corner_error_px(self) -> float | None:
        """Standard error of the displacement at the worst corner."""
        return None if self.uncertainty is None else self.uncertainty.corner_px


@dataclass(frozen=True)
class _Search:
    """Settings of a search, the same at every level."""

    at_most: str  # the richest model that is allowed
    held: str  # the richest that the search moves by; a simpler one where the zoom is known
    largest_px: float  # farthest that a place may have moved, px of the full picture
    every: int  # one of so many blurs is tried first; 1 where no coarser level can be relied on
    alike: bool  # whether the second picture is no sharper, so that no blur is tried


def register(
    blurry: Grey,
    sharp: Grey,
    *,
    at_most: str = "homography",
    alike: bool = False,
    largest_px: float = math.inf,
    known_zoom: float | None = None,
    unit: int = 1,
) -> Registration:
    """Find the transform between two pictures ``(H, W)``, linear light, one of them defocused.

    With ``alike`` no blurs are tried; no place may move farther than ``largest_px``; reasons are in
    pixels of the user, ``unit`` times those here."""
    _check(blurry, sharp)
    if min(blurry.shape) < SMALLEST_SIDE:
        return Registration(None, f"the pictures are smaller than {SMALLEST_SIDE} px")
    factors = _factors(blurry.shape)
    matrix, blurry = coarse_start(
        blurry,
        sharp,
        alike,
        largest_px,
        known_zoom,
        factors,
    )
    held = at_most if known_zoom is None else _simpler(at_most, "similarity")
    every = min(len(factors), 2)  # the only level has no coarser one to rely on
    search = _Search(
        at_most,
        held,
        largest_px,
        every,
        alike,
    )
    start = rescaled(matrix, 1 / factors[0])
    levels = _levels(blurry, sharp, start, factors, search)
    if isinstance(levels, NoFit):
        return Registration(None, levels.reason)
    best = _most_reliable(levels)
    limits = MotionLimits(at_most, largest_px)
    return _without_doubt(
        blurry,
        sharp,
        best,
        limits,
        factors[-1],
        known_zoom,
        unit,
    )


def _most_reliable(levels: list[Level]) -> Level:
    """The finest level; if fine detail is lost in the blur, a coarser one is the better witness."""
    sure = [level for level in levels if level.tiles.inlier_share >= SURE_INLIER_SHARE]
    return (sure or levels)[-1]


def _without_doubt(
    blurry: Grey,
    sharp: Grey,
    best: Level,
    limits: MotionLimits,
    finest: int,
    known_zoom: float | None,
    unit: int,
) -> Registration:
    """The registration by the best level, or why it is not reliable."""
    compared = reduced(blurry, best.factor), reduced(sharp, best.factor)
    if limits.at_most != "translation":
        best = seen_by_intensity(*compared, best, finest)
    reason = doubt(
        *compared,
        best,
        limits,
        finest,
        known_zoom=known_zoom,
        unit=unit,
    )
    if reason:
        return Registration(None, reason, best.tiles.inlier_share)
    registration = _registration(best, blurry.shape, zoom_known=known_zoom is not None)
    limited = repeats_farther(*compared, best, limits.largest_px)
    return replace(registration, limited=limited)


def _simpler(one: str, other: str) -> str:
    """The simpler of two models."""
    return min(one, other, key=list(MODELS).index)


def _levels(
    blurry: Grey,
    sharp: Grey,
    start: Doubles,
    factors: Sequence[int],
    search: _Search,
) -> list[Level] | NoFit:
    """The results from coarse to fine; the first level without a result ends the search."""
    levels: list[Level] = []
    matrix = start
    for factor in factors:
        coarser = levels[-1] if levels else None
        rough = factor > factors[-1]
        small = reduced(blurry, factor), reduced(sharp, factor)
        level = _refined(
            *small,
            matrix,
            factor,
            search,
            coarser,
            rough=rough,
        )
        if isinstance(level, NoFit):
            return levels or level
        levels.append(level)
        matrix = level.matrix
    return levels


def _check(blurry: Grey, sharp: Grey) -> None:
    if blurry.shape != sharp.shape or blurry.ndim != 2:
        raise AlignmentError(
            f"registration needs two (H, W) pictures of one size, not {blurry.shape} and "
            f"{sharp.shape}; crop or scale one of them"
        )
    for name, picture in (("blurry", blurry), ("sharp", sharp)):
        if not np.isfinite(picture).all():
            raise AlignmentError(
                f"the {name} picture has values that are not finite; repair it"
            )


def _registration(
    level: Level,
    shape: Shape,
    *,
    zoom_known: bool,
) -> Registration:
    fit = level.tiles.fit
    tiles = level.tiles
    half = half_diagonal_px(shape)
    uncertainty = _uncertainty(level, zoom_known, tiles, fit, half)
    similarity = Similarity.closest(level.matrix, shape[1], shape[0])
    measured = similarity, "", tiles.inlier_share, level.matrix, fit.model, uncertainty
    spread = tiles.asymmetry and replace(
        tiles.asymmetry,
        corner_px=level.factor * tiles.asymmetry.corner_px,
        coma_px=level.coma_px,
    )
    agreeing = int(tiles.agreeing.sum())
    return Registration(*measured, agreeing, level.blur_px, spread)


def _uncertainty(
    level: Level,
    zoom_known: bool,
    tiles: TileFit,
    fit: ModelFit,
    half: float,
) -> Uncertainty:
    shift = level.factor * tiles.scatter_px * fit.shift_factor_px
    # a translation has no zoom, which is not to say that its zoom were known exactly
    slope = tiles.scatter_px * fit.slope_factor or level.error_px / half
    centre = CENTRE_SHARE * level.blur_px
    zoom = math.hypot(slope, level.lens_px / half)
    return Uncertainty(
        shift_px=math.hypot(shift, centre),
        zoom=zoom,
        rotation_deg=math.degrees(math.hypot(slope, centre / half)),
        corner_px=math.hypot(level.known_zoom_px, zoom * half)
        if zoom_known
        else level.corner_px,
    )


def largest_error_px(shape: Shape) -> float:
    """Standard error at the worst corner up to which a transform of known zoom is an answer, px."""
    finest = _factors(shape)[-1]
    sides = tuple(side // finest for side in shape)
    return finest * LARGEST_UNKNOWN_PX[size_of(sides)]


def _factors(shape: Shape) -> list[int]:
    """Reduction factors of the search and of the result."""
    most = min(shape) // SMALLEST_SIDE  # a panorama must not be reduced to a line
    factors = {
        min(factor_for(shape, side), most) for side in (SEARCH_SIDE, FINEST_SIDE)
    }
    return sorted(factors, reverse=True)


@dataclass(frozen=True)
class _Compared:
    """The pictures of one level, prepared for every round of the search."""

    sharp: Grey
    shape: Shape
    area: Area  # what both show
    first: Grey  # root of the blurry picture there, as the tiles compare it
    tiles: TiledPicture
    side: int  # of a tile, px
    diameters: Doubles  # ``(D,)`` circles of confusion that a tile may have, px
    reach: float  # farthest that a tile may move in a round, px

    @property
    def corner(self) -> Doubles:
        """First column and row of the area."""
        return np.array([self.area.left, self.area.top])


@dataclass(frozen=True)
class _Round:
    """The tiles as they were measured with one transform."""

    matrix: Doubles
    shifts: TileShifts
    blur: Indices  # ``(T,)`` which of the diameters fits a tile best
    coc: Doubles  # ``(T,)`` that diameter
    # the sharp picture's area by the diameters that were tried
    blurred: Mapping[float, Grey]


@dataclass(frozen=True)
class _Settled:
    """The end of the rounds of one level."""

    tiles: TileFit
    now: _Round
    held: str  # the richest model that was still allowed
    left_px: float  # by how much the transform was still changing at the corners, px


def _refined(
    blurry: Grey,
    sharp: Grey,
    start: Doubles,
    factor: int,
    search: _Search,
    coarser: Level | None,
    *,
    rough: bool,
) -> Level | NoFit:
    """Refine by rounds of tile correlation from ``start``, on reduced pictures.

    The first round tries every few blurs, or those near a ``coarser`` level's; later rounds try
    fewer."""
    matrix = rescaled(start, factor)
    reach = 2 * search.largest_px / factor
    compared = _compared(blurry, sharp, matrix, reach, search)
    if isinstance(compared, NoFit):
        return compared
    tried = _first_tried(compared, factor, search.every, coarser)
    settled = _settled(compared, matrix, tried, search, rough=rough)
    if isinstance(settled, NoFit):
        return settled
    spread = None
    if not search.alike:
        spread = _spread_shape(compared, settled.now, settled.tiles.agreeing)
        settled = _with_small_tiles(compared, settled, search.at_most, spread, rough)
    return measured_level(
        factor,
        settled.tiles,
        settled.now.shifts.centres,
        settled.now.coc,
        settled.left_px,
        compared.shape,
        spread,
    )


def _with_small_tiles(
    compared: _Compared,
    settled: _Settled,
    at_most: str,
    spread: SpreadShape | None,
    rough: bool,
) -> _Settled:
    """The fit with small tiles where the picture is sharp, and what the blur's shape allows."""
    now = settled.now
    small = None if rough else _small_tiles(compared, now)
    corner = compared.corner
    shifts, coc = with_small_tiles(now.shifts, now.coc, small, corner)
    more = replace(now, shifts=shifts, coc=coc)
    if spread is None and len(coc) == len(now.coc):
        return replace(settled, now=more)
    prior = ASYMMETRY
    if spread is not None:
        prior = math.hypot(spread.asymmetry, LEAST_ASYMMETRY)
    better = _fitted(compared, more, at_most, settled.held, prior)
    if isinstance(better, NoFit):
        return settled
    return replace(settled, tiles=better, now=more)


def _settled(
    compared: _Compared,
    matrix: Doubles,
    tried: Mask,
    search: _Search,
    *,
    rough: bool,
) -> _Settled | NoFit:
    """Measure and fit the tiles until the transform does not change any more."""
    held = search.held
    between = 0.0
    models: list[str] = []
    least_rounds = 1 if rough or search.alike else search.every
    for _ in range(ROUNDS):
        now = _measured(compared, matrix, tried)
        tried = _near_blur(compared, now)
        fitted = _fitted(compared, now, search.at_most, held)
        if isinstance(fitted, NoFit):
            return fitted
        tiles = fitted
        if _takes_turns(models, tiles.fit.model):
            held = _simpler(models[-1], tiles.fit.model)
            simpler = _fitted(compared, now, search.at_most, held)
            if not isinstance(simpler, NoFit):
                between = _corner_px(tiles, simpler.fit.matrix, compared) / 2
                tiles = simpler
        models.append(tiles.fit.model)
        step = _corner_px(tiles, matrix, compared)
        matrix = tiles.fit.matrix
        if step < SETTLED_PX and len(models) >= least_rounds:
            break
    unsettled = step if step >= SETTLED_PX else 0.0
    return _Settled(tiles, now, held, math.hypot(between, unsettled))


def _near_blur(compared: _Compared, now: _Round) -> Mask:
    """``(T, D)``: the diameters to try next, which are next to those that are most alike."""
    numbers = np.arange(len(compared.diameters))
    return np.asarray(np.abs(numbers - now.blur[:, None]) <= 1)


def _takes_turns(models: list[str], model: str) -> bool:
    """Whether a model comes back after another one: two must not take turns for ever."""
    return model in models and model != models[-1]


def _corner_px(tiles: TileFit, matrix: Doubles, compared: _Compared) -> float:
    """How far the fitted transform is from another one at the corners, px."""
    return corner_distance_px(matrix, tiles.fit.matrix, compared.shape)


def _compared(
    blurry: Grey,
    sharp: Grey,
    matrix: Doubles,
    reach: float,
    search: _Search,
) -> _Compared | NoFit:
    """Prepare what a transform shows of both pictures."""
    shape = blurry.shape
    area = Area.shown(matrix, shape)
    height = area.bottom - area.top
    width = area.right - area.left
    if min(height, width) < SMALLEST_SIDE // 2:
        return NoFit("the pictures have too little in common")
    wanted = min(max(SMALLEST_TILE, max(shape) // 6), LARGEST_TILE)
    side = scipy.fft.prev_fast_len(wanted, True)
    diameters = np.array(
        [d for d in FINE_DIAMETERS_PX if d <= 1.3 * LARGEST_BLUR * side]
    )
    if search.alike:
        diameters = diameters[:1]
    first = np.sqrt(area.of(blurry))
    tiles = tiled(first, area.tile(side), TILE_GRID, TILE_BAND)
    return _Compared(
        sharp,
        shape,
        area,
        first,
        tiles,
        side,
        diameters,
        reach,
    )


def _first_tried(
    compared: _Compared,
    factor: int,
    every: int,
    coarser: Level | None,
) -> Mask:
    """``(T, D)``: the blurs that each tile tries first."""
    blur = (
        None if coarser is None else (coarser.factor, coarser.centres, coarser.coc_px)
    )
    return first_tried(
        compared.area,
        compared.side,
        TILE_GRID,
        compared.diameters,
        every,
        blur,
        factor,
    )


def _measured(compared: _Compared, matrix: Doubles, tried: Mask) -> _Round:
    """Correlate every tile with the sharp picture, moved and blurred by the diameters tried."""
    needed = np.flatnonzero(tried.any(axis=0))
    diameters = compared.diameters[needed]
    blurred = blurred_area(
        moved_picture(compared.sharp, matrix),
        compared.area,
        diameters,
    )
    shifts = most_alike_shifts(
        compared.tiles,
        blurred,
        tried[:, needed],
        compared.reach,
    )
    shifts = replace(shifts, centres=shifts.centres + compared.corner)
    blur = needed[shifts.chosen]
    by_diameter = dict(zip(diameters.tolist(), blurred, strict=True))
    return _Round(
        matrix,
        shifts,
        blur,
        compared.diameters[blur],
        by_diameter,
    )


def _fitted(
    compared: _Compared,
    now: _Round,
    at_most: str,
    held: str,
    prior: float = ASYMMETRY,
) -> TileFit | NoFit:
    """Fit a transform to the tiles that are not blurred beyond what a tile can place."""
    placed = now.coc <= LARGEST_BLUR * compared.side
    start = Start(now.matrix, compared.shape)
    return fit_tiles(
        now.shifts,
        placed,
        now.coc,
        start,
        prior,
        at_most=at_most,
        held=held,
    )


def _small_tiles(compared: _Compared, now: _Round) -> SmallTiles | None:
    moved = moved_picture(compared.sharp, now.matrix)
    return small_tiles(
        compared.first,
        compared.tiles,
        moved,
        compared.area,
        compared.reach,
    )


def _spread_shape(
    compared: _Compared,
    now: _Round,
    agreeing: Mask,
) -> SpreadShape | None:
    """Shape of the point spread, from agreeing tiles and the sharp picture by blur diameter."""
    centres = now.shifts.centres[agreeing]
    tiles = BlurredTiles(
        centres=centres - compared.corner,
        shifts=now.shifts.shifts[agreeing],
        coc_px=now.coc[agreeing],
        field=radial(centres, np.ones(len(centres)), compared.shape),
        side=compared.side,
    )
    return spread_shape(compared.first, now.blurred.__getitem__, tiles)
