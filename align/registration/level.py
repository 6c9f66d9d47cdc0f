"""Registration result of one pyramid level.

Under a strong blur tiles err by half a pixel, so it is refined by the intensity of all pixels."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.blur_matching import FINE_DIAMETERS_PX, disc_blurred_stack
from defocus.align.registration.models import Area, corners, radial
from defocus.align.registration.robust_fit import parts
from defocus.align.registration.spread_shape import (
    SpreadShape,
    least_spread,
    shown_coc_px,
)
from defocus.align.registration.tile_fit import TileFit
from defocus.align.sampling.positions import moved_by
from defocus.align.sampling.pyramid import reduced, scaling
from defocus.blur.gradients import slopes
from defocus.scene.geometry import moved_points

Grey = NDArray[np.float32]
Array = NDArray[np.float64]
Plane = NDArray[np.floating]

ROUNDS = 6
SETTLED_PX = 0.02
MAP_SHARE, GAIN_SHARE, DETAIL_SHARE = 1 / 16, 1 / 24, 1 / 32
"""Standard deviations of three windows over the longest side: for the blur of the tiles, for gain
and noise, and for the coarsest detail that is compared."""
FINEST_PX = 1.0
"""Standard deviation of the window that removes finer noise."""
GAINS = (0.3, 3.0)
NOISE_FLOOR = 0.05
"""Least noise of a place, as a share of the mean squared difference: no place is perfectly
exact."""
BORDER_OVER_COC = 0.3
"""Width of the border that is left out, as a multiple of the largest blur, because blur mixes in
what is outside the frame."""


@dataclass(frozen=True)
class StrongBlurStep:
    """Movement that the intensities still show, and its jackknife error at the worst corner, px."""

    matrix: Array  # ``(3, 3)``, ``blurry`` to ``moved``; the centre's is a mean depth's
    error_px: float


def strong_blur_step(
    blurry: Grey,
    moved: Grey,
    area: Area,
    centres: Array,
    coc_px: Array,
) -> StrongBlurStep:
    """What a similarity still moves, together with a parallax that grows with the blur.

    Source: Lucas and Kanade, An iterative image registration technique (IJCAI 1981)."""
    shape = blurry.shape
    coc = _coc_map(centres, coc_px, shape)
    first = _detail(np.sqrt(blurry))
    second = _detail(np.sqrt(_blurred_by(moved, coc)))
    seen = _inside(area, coc, shape)
    depth = _relative_depth(coc)
    half = math.hypot(*shape) / 2
    step = np.eye(3)
    for _ in range(ROUNDS):
        there, apart, weights = _compared(second, step, first, seen)
        design = _design(there, depth)
        weighted = design * weights.ravel()
        motion = _solved(weighted @ design.T, weighted @ apart.ravel())
        step = step @ _similarity(motion, half, shape)
        if np.abs(motion).max() < SETTLED_PX:
            break
    return StrongBlurStep(step, _error_px(design, weighted, apart, half))


def _relative_depth(coc: Plane) -> Plane:
    """Relative depth from the blur: mean 0, in standard deviations of at least 1 px."""
    spread = max(float(coc.std()), 1.0)
    return np.asarray((coc - coc.mean()) / spread)


def _compared(
    second: Plane,
    step: Array,
    first: Plane,
    seen: Plane,
) -> tuple[Plane, Plane, Plane]:
    """The moved picture at equal contrast, how it differs, and the weights of the places."""
    there = moved_by(second, step)
    gain = _mean(first * there) / (_mean(there * there) + 1e-8)
    there *= np.clip(gain, *GAINS)
    apart = first - there
    noise = _mean(apart * apart)
    usual = float(np.average(noise, weights=seen))
    weights = seen / (noise + NOISE_FLOOR * usual + 1e-12)
    return there, apart, weights


def _design(there: Grey, depth: Plane) -> Array:
    """``(6, H * W)``: what a step of each unknown changes, pixel by pixel.

    With x and y from -1 to 1 between opposite corners: right, down, outwards, around, and the
    parallax right and down."""
    height, width = there.shape
    half = np.float32(math.hypot(height, width) / 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = (x - (width - 1) / 2) / half
    y = (y - (height - 1) / 2) / half
    right, down = slopes(there)
    moves = [
        right,
        down,
        right * x + down * y,
        down * x - right * y,
        right * depth,
        down * depth,
    ]
    return np.stack(moves).reshape(6, -1).astype(np.float64)


def _solved(normal: Array, right: Array) -> Array:
    """``(4,)``: the similarity that solves normal equations; the parallax is left out."""
    solution = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
    return np.asarray(solution[:4])


def _error_px(design: Array, weighted: Array, apart: Plane, half: float) -> float:
    """Standard error at the worst corner, from the solutions without each part of the picture."""
    shape = apart.shape
    height, width = shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    places = np.column_stack([x.ravel(), y.ravel()])
    part = parts(places, shape)
    normal = weighted @ design.T
    right = weighted @ apart.ravel()
    ends = []
    for number in np.unique(part[weighted.any(axis=0)]):
        own = part == number
        some = weighted[:, own]
        others_normal = normal - some @ design[:, own].T
        others_right = right - some @ apart.ravel()[own]
        motion = _solved(others_normal, others_right)
        moved = _similarity(motion, half, shape)
        ends.append(moved_points(moved, corners(shape)))
    return _jackknife_px(ends)


def _jackknife_px(ends: list[Array]) -> float:
    """Standard error of the corner that moves most between the solutions, px."""
    from_mean = ends - np.mean(ends, axis=0)
    squares = np.square(from_mean).sum(axis=(0, 2))
    share = (len(ends) - 1) / len(ends)
    jackknife = share * float(squares.max())
    return math.sqrt(jackknife)


def _similarity(moved: Plane, half: float, shape: tuple[int, ...]) -> Array:
    """The transform that moves the centre right and down and a corner outwards and around, px."""
    right, down, outwards, turned = moved
    centre = (np.array(shape[::-1]) - 1) / 2
    matrix = np.eye(3)
    turn = np.array([[outwards, -turned], [turned, outwards]])
    linear = matrix[:2, :2] + turn / half
    matrix[:2, :2] = linear
    shift = np.array([right, down])
    matrix[:2, 2] = centre - linear @ centre + shift
    return matrix


def _coc_map(centres: Array, coc_px: Array, shape: tuple[int, ...]) -> Plane:
    """``(H, W)``: mean of the tiles around a place, by their distance."""
    sums = np.zeros((2, *shape), np.float32)
    last = np.array(shape[::-1]) - 1
    places = np.clip(np.round(centres), 0, last)
    column, row = places.astype(int).T
    np.add.at(sums[0], (row, column), coc_px)
    np.add.at(sums[1], (row, column), 1.0)
    near, count = (
        cv2.GaussianBlur(one, (0, 0), MAP_SHARE * max(shape)) for one in sums
    )
    least = 1e-6 * float(count.max())  # where no tile is near, that of all
    mean = float(coc_px.mean())
    return np.asarray((near + least * mean) / (count + least))


def _blurred_by(picture: Grey, coc: Plane) -> Grey:
    """The picture blurred at each place by another disc."""
    last = int(np.searchsorted(FINE_DIAMETERS_PX, float(coc.max())))
    tried = np.array(FINE_DIAMETERS_PX[: max(last + 1, 2)])
    stack = np.stack(disc_blurred_stack(picture, tried))
    place = np.interp(coc, tried, np.arange(len(tried)))
    below = np.minimum(place.astype(int), len(tried) - 2)
    share = place - below
    below = below[None]
    less = np.take_along_axis(stack, below, axis=0)[0]
    more = np.take_along_axis(stack, below + 1, axis=0)[0]
    return np.asarray(less + share * (more - less), np.float32)


def _detail(picture: Grey) -> Grey:
    """The detail of a picture, without noise and without smooth differences such as vignetting."""
    fine = cv2.GaussianBlur(picture, (0, 0), FINEST_PX)
    return fine - cv2.GaussianBlur(fine, (0, 0), DETAIL_SHARE * max(picture.shape))


def _mean(picture: Grey) -> Grey:
    """The mean around each place."""
    return np.asarray(
        cv2.GaussianBlur(picture, (0, 0), GAIN_SHARE * max(picture.shape))
    )


def _inside(area: Area, coc: Plane, shape: tuple[int, ...]) -> Grey:
    """1 in the area without its border, 0 elsewhere; the middle half of it always stays."""
    seen = np.zeros(shape, np.float32)
    height = area.bottom - area.top
    width = area.right - area.left
    border_px = 3 + BORDER_OVER_COC * float(coc.max())
    border = int(min(border_px, min(height, width) / 4))
    rows = slice(area.top + border, area.bottom - border)
    columns = slice(area.left + border, area.right - border)
    seen[rows, columns] = 1
    return seen


LARGE_SIDE = 768
LARGEST_ERROR_PX = {"small": 0.5, "large": 0.45}
"""Largest standard error of the worst corner at which a number is reported, in pixels of the finest
level, below and from a compared side of 768 px. Of 600 pairs of the split "choose", those with 0.35
to 0.45 are off by 0.6 px at most."""
LARGEST_UNKNOWN_PX = {"small": 0.75, "large": 1.0}
"""Largest standard error with the lens's asymmetry, in pixels of the finest level; in small
pictures a blur is large compared with the tiles. With a limit of 0.8 px, 13 of 4,500 rendered pairs
were off by more than 1 px and not unknown, 7 of them with more than 0.65 px; but a limit of 0.65 px
also loses right answers in pictures of 200 px."""
LEAST_SKEW, LARGEST_SKEW_PX = 0.1, 1.0
"""Least skewness of the point spread that shows a coma, given as the asymmetry that equals it
(symmetric kernels reach 0.1); and largest displacement of the corners by that coma, px, at which a
number is reported."""
HALF_STEP_PX = FINE_DIAMETERS_PX[1] / 2
STRONG_BLUR = 0.03
"""Blur of the agreeing tiles, as a share of the longest side, from which the intensities are
compared too: 12 px in a picture of 384 px. All 17 silent failures among 7,700 rendered pairs had
more."""
LARGEST_TURN_PX = 0.5
"""Largest turn or zoom, at the corners, that the intensities may add, in pixels of the finest
level. With 0.5 px, 1 of 58 right answers with strong blur is lost and none of 5 silent failures is
left (seeds 25 and 41 of "choose", 23 of "test"); 0.4 px gives the same, and 0.6 px leaves one."""

LENS_PX, LENS_SHARE = 0.06, 0.2
"""Standard error at the corners that no tile shows, px of the compared pictures, because coma moves
even what is in focus; and the share of the possible displacement by an asymmetry or a coma that
counts in the standard error. docs/alignment.md shows how many errors lie within it. The doubts
count the whole displacement."""
COMA_SHARE, LARGEST_COMA_SHARE = 0.2, 0.5
"""Displacement by a coma at the corner over the circle of confusion that the sharpest tiles would
have there: rendered pairs (split "choose") show 0.1 to 0.5. Where the shape of the point spread
does not say less, 0.2 counts in the standard errors, and 0.5 where it is more skewed than that of
symmetric kernels."""

UNEVEN_SHARE = 0.1
"""Share of a lens's displacement that does not look like a zoom, from ten rendered sessions through
lenses with coma and cat's eye."""


@dataclass(frozen=True)
class Level:
    """Result of one reduction of the pictures; lengths are in pixels of the full picture."""

    factor: int
    tiles: TileFit  # the last fit, in pixels of the reduced picture
    matrix: Array  # ``(3, 3)``, blurry to sharp positions of the full picture
    error_px: float  # standard error at the worst corner, in pixels of the full picture
    turn_error_px: float
    blur_px: float  # root mean squared circle of confusion of the agreeing tiles
    centres: Array  # ``(T, 2)`` x, y of all tiles in the full picture
    coc_px: Array  # ``(T,)`` their circles of confusion, in pixels of the full picture
    coma_px: float  # what a coma may add to the error at the worst corner
    least_spread_px: float  # largest coma at the corner that sharp tiles far out allow
    # shape of the point spread; None if it cannot be measured
    spread: SpreadShape | None

    @property
    def asymmetry_px(self) -> float:
        """Standard error at the worst corner from the lens's asymmetry, px of the full picture."""
        return self.factor * self.tiles.asymmetry_px

    @property
    def lens_px(self) -> float:
        """Standard error at the worst corner from the lens, px of the full picture."""
        most_px = math.hypot(self.asymmetry_px, self.coma_px)
        return math.hypot(LENS_SHARE * most_px, self.factor * LENS_PX)

    @property
    def corner_px(self) -> float:
        """Standard error at the worst corner, px of the full picture."""
        return math.hypot(self.error_px, self.lens_px)

    @property
    def feared_px(self) -> float:
        """The error at the worst corner if the lens moves as much as it may, px, for the doubts."""
        left_px = self.factor * LENS_PX
        lens_px = math.hypot(self.asymmetry_px, self.coma_px, left_px)
        return math.hypot(self.error_px, lens_px)

    @property
    def known_zoom_px(self) -> float:
        """Standard error at the worst corner where the zoom is known, px of the full picture.

        What the lens moves evenly along the radius is in the zoom that the known one replaces."""
        uneven = UNEVEN_SHARE * math.hypot(self.asymmetry_px, self.coma_px)
        return math.hypot(self.turn_error_px, uneven, self.factor * LENS_PX)

    @property
    def skew_px(self) -> float:
        """Displacement at the corner by the coma found in the shape of the point spread.

        A coma does not depend on the defocus: if tiles far out are sharp, what looks skewed is no
        coma."""
        if self.spread is None or not self.spread.skewed(LEAST_SKEW):
            return 0.0
        shown = self.factor * shown_coc_px(
            self.coc_px[self.tiles.agreeing] / self.factor
        )
        return min(abs(self.spread.coma) * shown, self.least_spread_px)


def rescaled(matrix: Array, factor: float) -> Array:
    """Convert a transform of full positions to positions reduced by ``factor``, or back (1 / f)."""
    scale = (
        scaling(round(factor))
        if factor >= 1
        else np.linalg.inv(scaling(round(1 / factor)))
    )
    return scale @ matrix @ np.linalg.inv(scale)


def measured_level(
    factor: int,
    tiles: TileFit,
    centres: Array,
    coc_px: Array,
    step_px: float,
    shape: tuple[int, ...],
    spread: SpreadShape | None,
) -> Level:
    """The level with lengths in pixels of the full picture; the arguments have reduced pixels."""
    seen = coc_px[tiles.agreeing]
    field = _field_heights(centres, shape)[tiles.agreeing]
    # a tile that looks sharp may be blurred by half of the first blur that is tried
    widest = least_spread(field, seen + HALF_STEP_PX)
    coma = _coma_px(spread, least_spread(field, seen), seen)
    error = math.hypot(tiles.scatter_px * tiles.fit.corner_factor_px, step_px)
    return Level(
        factor=factor,
        tiles=tiles,
        matrix=rescaled(tiles.fit.matrix, 1 / factor),
        error_px=factor * error,
        turn_error_px=factor * _turn_error_px(error, tiles, shape),
        blur_px=factor * _root_mean_square(seen),
        centres=factor * (centres + 0.5) - 0.5,
        coc_px=factor * coc_px,
        coma_px=factor * coma,
        least_spread_px=factor * (LARGEST_COMA_SHARE * widest),
        spread=spread,
    )


def _turn_error_px(error: float, tiles: TileFit, shape: tuple[int, ...]) -> float:
    """The error at the worst corner, px, without the part that comes from an error of the zoom."""
    slope = tiles.scatter_px * tiles.fit.slope_factor
    zoomed = slope * math.hypot(*shape) / 2
    return math.sqrt(max(error**2 - zoomed**2, 0.0))


def _field_heights(centres: Array, shape: tuple[int, ...]) -> Array:
    """``(T,)``: distances from the centre of the picture, 1 at a corner."""
    return np.asarray(
        np.linalg.norm(radial(centres, np.ones(len(centres)), shape), axis=1)
    )


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _coma_px(spread: SpreadShape | None, least: float, seen: Array) -> float:
    """Largest movement of the tiles by a coma of the lens, px."""
    coma = COMA_SHARE * least
    if spread is not None:
        share = LARGEST_COMA_SHARE if abs(spread.coma) > LEAST_SKEW else COMA_SHARE
        coma = min(
            share * least,
            shown_coc_px(seen) * math.hypot(spread.coma, spread.coma_sigma),
        )
    return coma


def moved_picture(sharp: Grey, matrix: Array) -> Grey:
    """The sharp picture on the blurry grid."""
    moved = np.maximum(moved_by(sharp, matrix), 0.0)
    return np.asarray(moved, dtype=np.float32)


def size_of(shape: tuple[int, ...]) -> str:
    """The key of the limits for pictures of that size at the finest level."""
    return "large" if max(shape) >= LARGE_SIDE else "small"


def seen_by_intensity(blurry: Grey, sharp: Grey, level: Level, finest: int) -> Level:
    """The result of the intensities, if tiles of a strong blur leave a larger error.

    They begin with the tiles' result. Of 18 answers, the one off by over 1 px stated an error of
    1.1 px."""
    size = size_of(blurry.shape)
    unsure = (
        math.isfinite(level.error_px)
        and level.error_px > finest * LARGEST_ERROR_PX[size]
    )
    # which no similarity of the intensities mends
    unsure = unsure and not level.tiles.against_px
    strong = is_strongly_blurred(level, blurry.shape)
    if not (
        unsure and strong and level.tiles.fit.model in ("translation", "similarity")
    ):
        return level
    step = intensity_step(blurry, sharp, level, finest)
    turn = turn_px(step.matrix, level.factor, blurry.shape, zoom_known=False)
    error_px = level.factor * step.error_px
    if turn > finest * LARGEST_TURN_PX or error_px >= level.error_px:
        return level
    seen = _with_step(level, error_px, step)
    return seen if seen.feared_px <= finest * LARGEST_UNKNOWN_PX[size] else level


def _with_step(level: Level, error_px: float, step: StrongBlurStep) -> Level:
    """The level after a step of the intensities."""
    tiles = replace(
        level.tiles,
        fit=replace(level.tiles.fit, model="similarity"),
        scatter_px=level.tiles.scatter_px * error_px / level.error_px,
    )
    matrix = rescaled(
        rescaled(level.matrix, level.factor) @ step.matrix,
        1 / level.factor,
    )
    return replace(
        level,
        matrix=matrix,
        error_px=error_px,
        turn_error_px=error_px,
        tiles=tiles,
    )


def is_strongly_blurred(level: Level, shape: tuple[int, ...]) -> bool:
    """Whether the blur is so strong that tiles may all err, in pictures of the level's shape."""
    return level.blur_px >= STRONG_BLUR * level.factor * max(shape)


def turn_px(
    step: Array,
    factor: int,
    shape: tuple[int, ...],
    *,
    zoom_known: bool,
) -> float:
    """Length by which a step turns and zooms the corners, px of the full picture."""
    zoomed = 0.0 if zoom_known else step[0, 0] - 1
    slope = factor * math.hypot(zoomed, step[1, 0])
    return slope * math.hypot(*shape) / 2


def intensity_step(
    blurry: Grey,
    sharp: Grey,
    level: Level,
    finest: int,
) -> StrongBlurStep:
    """Movement by the intensities after the tiles of a level, in pixels of its pictures.

    They are compared at half the finest size, where a strong blur leaves nothing more to see."""
    further = max(1, 2 * finest // level.factor)
    factor = further * level.factor
    first = reduced(blurry, further)
    second = reduced(sharp, further)
    matrix = rescaled(level.matrix, factor)
    agreeing = level.tiles.agreeing
    centres = (level.centres[agreeing] + 0.5) / factor - 0.5
    step = strong_blur_step(
        first,
        moved_picture(second, matrix),
        Area.shown(matrix, first.shape),
        centres,
        level.coc_px[agreeing] / factor,
    )
    whole_step = rescaled(step.matrix, 1 / further)
    return StrongBlurStep(whole_step, further * step.error_px)
