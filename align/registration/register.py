"""Global registration by tiles, correlated with the sharp picture equally blurred, and RANSAC.

Where few tiles agree, or the blur is strong, a method without tiles must agree too."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.align.photometry.blur_matching import FINE_DIAMETERS_PX
from defocus.align.photometry.exposure import evenly_lit
from defocus.align.registration.asymmetry import ASYMMETRY, TileAsymmetry
from defocus.align.registration.doubt import SURE_INLIER_SHARE, doubt, repeats_farther
from defocus.align.registration.level import (
    LARGEST_UNKNOWN_PX,
    Level,
    measured_level,
    moved_picture,
    rescaled,
    seen_by_intensity,
    size_of,
)
from defocus.align.registration.models import MODELS, Area, corner_distance_px, radial
from defocus.align.registration.spread_shape import BlurredTiles, SpreadShape, spread_shape
from defocus.align.registration.tile_fit import NoFit, fit_tiles, small_tiles, with_small_tiles
from defocus.align.registration.tile_shifts import (
    TileShifts,
    blurred_area,
    first_tried,
    most_alike_shifts,
    tiled,
)
from defocus.align.sampling.pyramid import factor_for, reduced
from defocus.errors import AlignmentError
from defocus.scene.geometry import Similarity

Grey = NDArray[np.float32]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SMALLEST_SIDE = 32
SEARCH_SIDE = 256
FINEST_SIDE = 1536
ZOOMS = tuple(np.arange(0.90, 1.101, 0.02).tolist())
SEARCH_BAND = 0.06
"""Frequencies of the search, cycles per pixel: the first zero of a disc of 20 px lies there."""
TILE_BAND = 0.12
TILE_GRID = (9, 11)
SMALLEST_TILE, LARGEST_TILE = 48, 256

LARGEST_BLUR = 0.4
"""Mean circle of confusion in a tile over its side; a tile cannot place what is as large as it."""

ROUNDS = 4
SETTLED_PX = 0.1
"""A round that moves no corner by more, in pixels of the reduced picture, is the last; what a
search that does not settle still moves is part of its error, as is half of what lies between two
models that take turns."""

CENTRE_SHARE = 0.003
"""Standard error at the centre that the tiles cannot see, over their circle of confusion."""
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
    matrix: Array | None = None  # ``(3, 3)`` float64, px of the full picture, or None
    model: str = ""  # the simplest that the tiles support; empty if there is none
    uncertainty: Uncertainty | None = None  # standard errors; None if there is no transform
    agreeing: int = 0
    blur_px: float = 0.0  # root mean squared circle of confusion of these tiles
    asymmetry: TileAsymmetry | None = None
    alone: str = ""  # why there is none without what the pair's session shares; else empty
    limited: bool = False  # shifts that fit as well were left out, as a person says how far

    @property
    def corner_error_px(self) -> float | None:
        """Standard error of the displacement at the worst corner."""
        return None if self.uncertainty is None else self.uncertainty.corner_px


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

    With ``alike`` no blurs are tried; no place moved over ``largest_px``; ``unit`` is for reasons.
    """
    _check(blurry, sharp)
    if min(blurry.shape) < SMALLEST_SIDE:
        return Registration(None, f"the pictures are smaller than {SMALLEST_SIDE} px")
    factors = _factors(blurry.shape)
    half = math.hypot(*blurry.shape) / 2
    zooms = [1.0] if alike else [zoom for zoom in ZOOMS if abs(zoom - 1) * half <= largest_px]
    zooms = zooms if known_zoom is None else [known_zoom]
    small = reduced(blurry, factors[0]), reduced(sharp, factors[0])
    matrix = _search(*small, zooms or [1.0], largest_px / factors[0])
    shown = Area.shown(matrix, small[0].shape).mask(small[0].shape)
    blurry = evenly_lit(blurry, small[0], moved_picture(small[1], matrix), shown)
    matrix = rescaled(matrix, 1 / factors[0])
    held = at_most if known_zoom is None else min(at_most, "similarity", key=list(MODELS).index)
    levels: list[Level] = []
    for factor in factors:
        pair, rough = (reduced(blurry, factor), reduced(sharp, factor)), factor > factors[-1]
        reach = 2 * largest_px / factor
        every = min(len(factors), 2)  # the only level has no coarser one to rely on
        before = levels[-1] if levels else None
        level = _refined(
            *pair, matrix, factor, at_most, held, reach, every, before, rough=rough, alike=alike
        )
        if isinstance(level, NoFit):
            break
        levels.append(level)
        matrix = level.matrix
    if isinstance(level, NoFit) and not levels:
        return Registration(None, level.reason)
    # fine detail may be lost in the blur; then a coarser level is the better witness
    sure = [level for level in levels if level.tiles.inlier_share >= SURE_INLIER_SHARE]
    best = (sure or levels)[-1]
    compared = reduced(blurry, best.factor), reduced(sharp, best.factor)
    if at_most != "translation":
        best = seen_by_intensity(*compared, best, factors[-1])
    asked = *compared, best, largest_px, factors[-1], at_most
    reason = doubt(*asked, known_zoom=known_zoom, unit=unit)
    if reason:
        return Registration(None, reason, best.tiles.inlier_share)
    registration = _registration(best, blurry.shape, zoom_known=known_zoom is not None)
    return replace(registration, limited=repeats_farther(*compared, best, largest_px))


def _check(blurry: Grey, sharp: Grey) -> None:
    if blurry.shape != sharp.shape or blurry.ndim != 2:
        raise AlignmentError(
            f"registration needs two (H, W) pictures of one size, not {blurry.shape} and "
            f"{sharp.shape}; crop or scale one of them"
        )
    for name, picture in (("blurry", blurry), ("sharp", sharp)):
        if not np.isfinite(picture).all():
            raise AlignmentError(f"the {name} picture has values that are not finite; repair it")


def _registration(level: Level, shape: tuple[int, ...], *, zoom_known: bool) -> Registration:
    fit, tiles, half = level.tiles.fit, level.tiles, math.hypot(*shape) / 2
    shift = level.factor * tiles.scatter_px * fit.shift_factor_px
    # a translation has no zoom, which is not to say that its zoom were known exactly
    slope = tiles.scatter_px * fit.slope_factor or level.error_px / half
    centre = CENTRE_SHARE * level.blur_px
    zoom = math.hypot(slope, level.lens_px / half)
    uncertainty = Uncertainty(
        shift_px=math.hypot(shift, centre),
        zoom=zoom,
        rotation_deg=math.degrees(math.hypot(slope, centre / half)),
        corner_px=math.hypot(level.known_zoom_px, zoom * half) if zoom_known else level.corner_px,
    )
    similarity = Similarity.closest(level.matrix, shape[1], shape[0])
    measured = similarity, "", tiles.inlier_share, level.matrix, fit.model, uncertainty
    spread = tiles.asymmetry and replace(
        tiles.asymmetry, corner_px=level.factor * tiles.asymmetry.corner_px, coma_px=level.coma_px
    )
    return Registration(*measured, int(tiles.agreeing.sum()), level.blur_px, spread)


def largest_error_px(shape: tuple[int, ...]) -> float:
    """Standard error at the worst corner up to which a transform of known zoom is an answer, px."""
    finest = _factors(shape)[-1]
    return finest * LARGEST_UNKNOWN_PX[size_of(tuple(side // finest for side in shape))]


def _factors(shape: tuple[int, ...]) -> list[int]:
    """Reduction factors of the search and of the result."""
    most = min(shape) // SMALLEST_SIDE  # a panorama must not be reduced to a line
    factors = {min(factor_for(shape, side), most) for side in (SEARCH_SIDE, FINEST_SIDE)}
    return sorted(factors, reverse=True)


def _search(blurry: Grey, sharp: Grey, zooms: Sequence[float], largest: float) -> Array:
    """Find zoom and shift with the highest correlation of the whole frames."""
    height, width = blurry.shape
    best, best_matrix = -1.0, np.eye(3)
    first = tiled(np.sqrt(blurry), (height, width), (1, 1), SEARCH_BAND)
    for zoom in zooms:
        matrix = np.vstack([Similarity(zoom=zoom).matrix(width, height), [0.0, 0.0, 1.0]])
        second = np.sqrt(moved_picture(sharp, matrix))
        tile = most_alike_shifts(first, [second], largest=largest)
        if tile.peaks[0] > best:
            step = np.eye(3)
            step[:2, 2] = tile.shifts[0]
            best, best_matrix = float(tile.peaks[0]), matrix @ step
    return best_matrix


def _refined(
    blurry: Grey,
    sharp: Grey,
    start: Array,
    factor: int,
    at_most: str,
    held: str,
    reach: float,
    every: int,
    coarser: Level | None,
    *,
    rough: bool,
    alike: bool,
) -> Level | NoFit:
    """Refine by rounds of tile correlation from ``start``, on reduced pictures, up to ``reach`` px.

    The first tries every ``every``-th blur, or those near a ``coarser`` level's; later ones fewer.
    """
    matrix = rescaled(start, factor)
    shape = blurry.shape
    area = Area.shown(matrix, shape)
    if min(area.bottom - area.top, area.right - area.left) < SMALLEST_SIDE // 2:
        return NoFit("the pictures have too little in common")
    first = np.sqrt(area.of(blurry))
    side = scipy.fft.prev_fast_len(min(max(SMALLEST_TILE, max(shape) // 6), LARGEST_TILE), True)
    diameters = np.array([d for d in FINE_DIAMETERS_PX if d <= 1.3 * LARGEST_BLUR * side])
    diameters = diameters[:1] if alike else diameters
    used: list[str] = []
    between = 0.0
    coarse_blur = None if coarser is None else (coarser.factor, coarser.centres, coarser.coc_px)
    tried = first_tried(area, side, TILE_GRID, diameters, every, coarse_blur, factor)
    compared = tiled(first, area.tile(side), TILE_GRID, TILE_BAND)
    for _ in range(ROUNDS):
        needed = np.flatnonzero(tried.any(axis=0))
        blurred = blurred_area(moved_picture(sharp, matrix), area, diameters[needed])
        shifts = most_alike_shifts(compared, blurred, tried[:, needed], reach)
        shifts = replace(shifts, centres=shifts.centres + np.array([area.left, area.top]))
        chosen = needed[shifts.chosen]
        tried = np.abs(np.arange(len(diameters)) - chosen[:, None]) <= 1
        coc = diameters[chosen]
        placed = coc <= LARGEST_BLUR * side
        fitted = fit_tiles(shifts, placed, coc, matrix, shape, at_most=at_most, held=held)
        if isinstance(fitted, NoFit):
            return fitted
        tiles = fitted
        model = tiles.fit.model
        if model in used and model != used[-1]:  # two models must not take turns for ever
            held = min(used[-1], model, key=list(MODELS).index)
            simpler = fit_tiles(shifts, placed, coc, matrix, shape, at_most=at_most, held=held)
            if not isinstance(simpler, NoFit):
                between = corner_distance_px(tiles.fit.matrix, simpler.fit.matrix, shape) / 2
                tiles = simpler
        used.append(tiles.fit.model)
        before, step = matrix, corner_distance_px(matrix, tiles.fit.matrix, shape)
        matrix = tiles.fit.matrix
        if step < SETTLED_PX and (rough or alike or len(used) >= every):
            break
    left = math.hypot(between, step if step >= SETTLED_PX else 0.0)
    if alike:
        return measured_level(factor, tiles, shifts.centres, coc, left, shape, None)
    stack = dict(zip(diameters[needed].tolist(), blurred, strict=True))
    spread = _spread_shape(first, stack, area, shifts, coc, tiles.agreeing, side, shape)
    every_tile = shifts, coc
    if not rough:
        small = small_tiles(first, compared, moved_picture(sharp, before), area, reach)
        every_tile = with_small_tiles(shifts, coc, small, np.array([area.left, area.top]))
    if spread is not None or len(every_tile[1]) != len(coc):
        more_shifts, sizes = every_tile
        prior = math.hypot(spread.asymmetry, LEAST_ASYMMETRY) if spread else ASYMMETRY
        within = sizes <= LARGEST_BLUR * side
        better = fit_tiles(more_shifts, within, sizes, before, shape, prior, at_most, held)
        if not isinstance(better, NoFit):
            tiles, shifts, coc = better, more_shifts, sizes
    return measured_level(factor, tiles, shifts.centres, coc, left, shape, spread)


def _spread_shape(
    first: Grey,
    blurred: Mapping[float, Grey],
    area: Area,
    shifts: TileShifts,
    coc: Array,
    chosen: Mask,
    side: int,
    shape: tuple[int, ...],
) -> SpreadShape | None:
    """Shape of the point spread, from agreeing tiles and the sharp picture by blur diameter."""
    centres = shifts.centres[chosen]
    tiles = BlurredTiles(
        centres=centres - np.array([area.left, area.top]),
        shifts=shifts.shifts[chosen],
        coc_px=coc[chosen],
        field=radial(centres, np.ones(len(centres)), shape),
        side=side,
    )
    return spread_shape(first, blurred.__getitem__, tiles)
