"""Registration result of one pyramid level.

Under a strong blur tiles err by half a pixel, so it is refined by the intensity of all pixels."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Grey, Indices, Shape
from defocus.align.photometry.blur_matching import FINE_DIAMETERS_PX, disc_blurred_stack
from defocus.align.registration.models import Area, corners, half_diagonal_px, radial
from defocus.align.registration.robust_fit import parts
from defocus.align.registration.spread_shape import (
    SpreadShape,
    least_spread,
    shown_coc_px,
)
from defocus.align.registration.tile_fit import TileFit
from defocus.align.sampling.positions import moved_by
from defocus.align.sampling.pyramid import reduced, rescaled
from defocus.blur.gradients import slopes
from defocus.scene.geometry import moved_points

Plane = NDArray[np.floating]

ROUNDS = 6
SETTLED_PX = 0.02
MAP_SHARE = 1 / 16
"""Standard deviation of the window over which the blur of the tiles is averaged, as a share of the
longest side."""
GAIN_SHARE = 1 / 24
"""The same of the window for gain and noise."""
DETAIL_SHARE = 1 / 32
"""The same of the window that removes what is coarser than the detail that is compared."""
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

    matrix: (
        Doubles  # ``(3, 3)``, ``blurry`` to ``moved``; the centre's is a mean depth's
    )
    error_px: float


def strong_blur_step(
    blurry: Grey,
    moved: Grey,
    area: Area,
    centres: Doubles,
    coc_px: Doubles,
) -> StrongBlurStep:
    """What a similarity still moves, together with a parallax that grows with the blur.

    Source: Lucas and Kanade, An iterative image registration technique (IJCAI 1981)."""
    shape = blurry.shape
    coc = _coc_map(centres, coc_px, shape)
    equally_blurred = _blurred_by(moved, coc)
    first = _detail(np.sqrt(blurry))
    second = _detail(np.sqrt(equally_blurred))
    seen = _inside(area, coc, shape)
    depth = _relative_depth(coc)
    half = half_diagonal_px(shape)
    step = np.eye(3)
    for _ in range(ROUNDS):
        there, apart, weights = _compared(second, step, first, seen)
        design = _design(there, depth)
        weighted = design * weights.ravel()
        normal = weighted @ design.T
        right = weighted @ apart.ravel()
        motion = _solved(normal, right)
        step = step @ _similarity(motion, half, shape)
        if np.abs(motion).max() < SETTLED_PX:
            break
    error_px = _error_px(design, weighted, apart, half)
    return StrongBlurStep(step, error_px)


def _relative_depth(coc: Plane) -> Plane:
    """Relative depth from the blur: mean 0, in standard deviations of at least 1 px."""
    spread = max(float(coc.std()), 1.0)
    from_mean = coc - coc.mean()
    return np.asarray(from_mean / spread)


def _compared(
    second: Plane,
    step: Doubles,
    first: Plane,
    seen: Plane,
) -> tuple[Plane, Plane, Plane]:
    """The moved picture at equal contrast, how it differs, and the weights of the places."""
    there = moved_by(second, step)
    energy = _mean(there * there)
    gain = _mean(first * there) / (energy + 1e-8)
    there *= np.clip(gain, *GAINS)
    apart = first - there
    noise = _mean(apart * apart)
    usual = float(np.average(noise, weights=seen))
    floor = NOISE_FLOOR * usual
    weights = seen / (noise + floor + 1e-12)
    return there, apart, weights


def _design(there: Grey, depth: Plane) -> Doubles:
    """``(6, H * W)``: what a step of each unknown changes, pixel by pixel.

    With x and y from -1 to 1 between opposite corners: right, down, outwards, around, and the
    parallax right and down."""
    height, width = there.shape
    half = np.float32(half_diagonal_px(there.shape))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = (x - (width - 1) / 2) / half
    y = (y - (height - 1) / 2) / half
    right, down = slopes(there)
    outwards = right * x + down * y
    around = down * x - right * y
    moves = [
        right,
        down,
        outwards,
        around,
        right * depth,
        down * depth,
    ]
    by_pixel = np.stack(moves).reshape(6, -1)
    return by_pixel.astype(np.float64)


def _solved(normal: Doubles, right: Doubles) -> Doubles:
    """``(4,)``: the similarity that solves normal equations; the parallax is left out."""
    solution = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
    return np.asarray(solution[:4])


def _error_px(
    design: Doubles,
    weighted: Doubles,
    apart: Plane,
    half: float,
) -> float:
    """Standard error at the worst corner, from the solutions without each part of the picture."""
    shape = apart.shape
    part = _part_of_each_pixel(shape)
    differences = apart.ravel()
    normal = weighted @ design.T
    right = weighted @ differences
    at_corners = corners(shape)
    ends = []
    for number in np.unique(part[weighted.any(axis=0)]):
        own = part == number
        some = weighted[:, own]
        others_normal = normal - some @ design[:, own].T
        others_right = right - some @ differences[own]
        motion = _solved(others_normal, others_right)
        moved = _similarity(motion, half, shape)
        ends.append(moved_points(moved, at_corners))
    return _jackknife_px(ends)


def _part_of_each_pixel(shape: Shape) -> Indices:
    """``(H * W,)``: the number of the part of the picture in which each pixel is."""
    height, width = shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    places = np.column_stack([x.ravel(), y.ravel()])
    return parts(places, shape)


def _jackknife_px(ends: list[Doubles]) -> float:
    """Standard error of the corner that moves most between the solutions, px."""
    count = len(ends)
    from_mean = ends - np.mean(ends, axis=0)
    squares = np.square(from_mean).sum(axis=(0, 2))
    share = (count - 1) / count
    jackknife = share * float(squares.max())
    return math.sqrt(jackknife)


def _similarity(moved: Plane, half: float, shape: Shape) -> Doubles:
    """The transform that moves the centre right and down and a corner outwards and around, px."""
    right, down, outwards, turned = moved
    size = np.array(shape[::-1])
    centre = (size - 1) / 2
    matrix = np.eye(3)
    turn = np.array(
        [
            [outwards, -turned],
            [turned, outwards],
        ]
    )
    linear = matrix[:2, :2] + turn / half
    shift = np.array([right, down])
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - linear @ centre + shift
    return matrix


def _coc_map(centres: Doubles, coc_px: Doubles, shape: Shape) -> Plane:
    """``(H, W)``: mean of the tiles around a place, by their distance."""
    last = np.array(shape[::-1]) - 1
    places = np.clip(np.round(centres), 0, last)
    column, row = places.astype(int).T
    sums = np.zeros(shape, np.float32)
    counts = np.zeros(shape, np.float32)
    np.add.at(sums, (row, column), coc_px)
    np.add.at(counts, (row, column), 1.0)
    width_px = MAP_SHARE * max(shape)
    near = cv2.GaussianBlur(sums, (0, 0), width_px)
    count = cv2.GaussianBlur(counts, (0, 0), width_px)
    least = 1e-6 * float(count.max())  # where no tile is near, that of all
    mean = float(coc_px.mean())
    total = near + least * mean
    return np.asarray(total / (count + least))


def _blurred_by(picture: Grey, coc: Plane) -> Grey:
    """The picture blurred at each place by another disc."""
    most = float(coc.max())
    last = int(np.searchsorted(FINE_DIAMETERS_PX, most))
    tried = np.array(FINE_DIAMETERS_PX[: max(last + 1, 2)])
    count = len(tried)
    stack = np.stack(disc_blurred_stack(picture, tried))
    place = np.interp(coc, tried, np.arange(count))
    below = np.minimum(place.astype(int), count - 2)
    share = place - below
    below = below[None]
    less = np.take_along_axis(stack, below, axis=0)[0]
    more = np.take_along_axis(stack, below + 1, axis=0)[0]
    blurred = less + share * (more - less)
    return np.asarray(blurred, np.float32)


def _detail(picture: Grey) -> Grey:
    """The detail of a picture, without noise and without smooth differences such as vignetting."""
    fine = cv2.GaussianBlur(picture, (0, 0), FINEST_PX)
    coarsest_px = DETAIL_SHARE * max(picture.shape)
    return fine - cv2.GaussianBlur(fine, (0, 0), coarsest_px)


def _mean(picture: Grey) -> Grey:
    """The mean around each place."""
    width_px = GAIN_SHARE * max(picture.shape)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), width_px))


def _inside(area: Area, coc: Plane, shape: Shape) -> Grey:
    """1 in the area without its border, 0 elsewhere; the middle half of it always stays."""
    seen = np.zeros(shape, np.float32)
    height = area.bottom - area.top
    width = area.right - area.left
    blurred_px = BORDER_OVER_COC * float(coc.max())
    border_px = 3 + blurred_px
    most_px = min(height, width) / 4
    border = int(min(border_px, most_px))
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
LEAST_SKEW = 0.1
"""Least skewness of the point spread that shows a coma, given as the asymmetry that equals it
(symmetric kernels reach 0.1)."""
LARGEST_SKEW_PX = 1.0
"""Largest displacement of the corners by that coma, px, at which a number is reported."""
HALF_STEP_PX = FINE_DIAMETERS_PX[1] / 2
STRONG_BLUR = 0.03
"""Blur of the agreeing tiles, as a share of the longest side, from which the intensities are
compared too: 12 px in a picture of 384 px. All 17 silent failures among 7,700 rendered pairs had
more."""
LARGEST_TURN_PX = 0.5
"""Largest turn or zoom, at the corners, that the intensities may add, in pixels of the finest
level. With 0.5 px, 1 of 58 right answers with strong blur is lost and none of 5 silent failures is
left (seeds 25 and 41 of "choose", 23 of "test"); 0.4 px gives the same, and 0.6 px leaves one."""

LENS_PX = 0.06
"""Standard error at the corners that no tile shows, px of the compared pictures, because coma moves
even what is in focus."""
LENS_SHARE = 0.2
"""Share of the possible displacement by an asymmetry or a coma that counts in the standard error.
docs/alignment.md shows how many errors lie within it. The doubts count the whole displacement."""
COMA_SHARE = 0.2
"""Displacement by a coma at the corner over the circle of confusion that the sharpest tiles would
have there, as it counts in the standard errors where the shape of the point spread does not say
less. Rendered pairs (split "choose") show 0.1 to 0.5."""
LARGEST_COMA_SHARE = 0.5
"""The same where the point spread is more skewed than that of symmetric kernels."""

UNEVEN_SHARE = 0.1
"""Share of a lens's displacement that does not look like a zoom, from ten rendered sessions through
lenses with coma and cat's eye."""


@dataclass(frozen=True)
class Level:
    """Result of one reduction of the pictures; lengths are in pixels of the full picture."""

    factor: int
    tiles: TileFit  # the last fit, in pixels of the reduced picture
    matrix: Doubles  # ``(3, 3)``, blurry to sharp positions of the full picture
    error_px: float  # standard error at the worst corner, in pixels of the full picture
    turn_error_px: float
    blur_px: float  # root mean squared circle of confusion of the agreeing tiles
    centres: Doubles  # ``(T, 2)`` x, y of all tiles in the full picture
    coc_px: (
        Doubles  # ``(T,)`` their circles of confusion, in pixels of the full picture
    )
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
        counted_px = LENS_SHARE * most_px
        return math.hypot(counted_px, self.factor * LENS_PX)

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
        most_px = math.hypot(self.asymmetry_px, self.coma_px)
        uneven_px = UNEVEN_SHARE * most_px
        left_px = self.factor * LENS_PX
        return math.hypot(self.turn_error_px, uneven_px, left_px)

    @property
    def skew_px(self) -> float:
        """Displacement at the corner by the coma found in the shape of the point spread.

        A coma does not depend on the defocus: if tiles far out are sharp, what looks skewed is no
        coma."""
        spread = self.spread
        if spread is None or not spread.skewed(LEAST_SKEW):
            return 0.0
        seen = self.coc_px[self.tiles.agreeing]
        shown = self.factor * shown_coc_px(seen / self.factor)
        skewed_px = abs(spread.coma) * shown
        return min(skewed_px, self.least_spread_px)


def measured_level(
    factor: int,
    tiles: TileFit,
    centres: Doubles,
    coc_px: Doubles,
    step_px: float,
    shape: Shape,
    spread: SpreadShape | None,
) -> Level:
    """The level with lengths in pixels of the full picture; the arguments have reduced pixels."""
    seen = coc_px[tiles.agreeing]
    field = _field_heights(centres, shape)[tiles.agreeing]
    # a tile that looks sharp may be blurred by half of the first blur that is tried
    widest = least_spread(field, seen + HALF_STEP_PX)
    narrowest = least_spread(field, seen)
    coma = _coma_px(spread, narrowest, seen)
    tiles_error = tiles.scatter_px * tiles.fit.corner_factor_px
    error = math.hypot(tiles_error, step_px)
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


def _turn_error_px(error: float, tiles: TileFit, shape: Shape) -> float:
    """The error at the worst corner, px, without the part that comes from an error of the zoom."""
    slope = tiles.scatter_px * tiles.fit.slope_factor
    zoomed = slope * half_diagonal_px(shape)
    left = error**2 - zoomed**2
    return math.sqrt(max(left, 0.0))


def _field_heights(centres: Doubles, shape: Shape) -> Doubles:
    """``(T,)``: distances from the centre of the picture, 1 at a corner."""
    ones = np.ones(len(centres))
    outwards = radial(centres, ones, shape)
    return np.asarray(np.linalg.norm(outwards, axis=1))


def _root_mean_square(values: Doubles) -> float:
    mean_square = np.square(values).mean()
    return float(np.sqrt(mean_square))


def _coma_px(spread: SpreadShape | None, least: float, seen: Doubles) -> float:
    """Largest movement of the tiles by a coma of the lens, px."""
    if spread is None:
        return COMA_SHARE * least
    skewed = abs(spread.coma) > LEAST_SKEW
    share = LARGEST_COMA_SHARE if skewed else COMA_SHARE
    most_of_shape = math.hypot(spread.coma, spread.coma_sigma)
    return min(share * least, shown_coc_px(seen) * most_of_shape)


def moved_picture(sharp: Grey, matrix: Doubles) -> Grey:
    """The sharp picture on the blurry grid."""
    moved = np.maximum(moved_by(sharp, matrix), 0.0)
    return np.asarray(moved, dtype=np.float32)


def size_of(shape: Shape) -> str:
    """The key of the limits for pictures of that size at the finest level."""
    return "large" if max(shape) >= LARGE_SIDE else "small"


def seen_by_intensity(
    blurry: Grey,
    sharp: Grey,
    level: Level,
    finest: int,
) -> Level:
    """The result of the intensities, if tiles of a strong blur leave a larger error.

    They begin with the tiles' result. Of 18 answers, the one off by over 1 px stated an error of
    1.1 px."""
    shape = blurry.shape
    size = size_of(shape)
    if not _asks_for_intensity(level, shape, finest * LARGEST_ERROR_PX[size]):
        return level
    step = intensity_step(blurry, sharp, level, finest)
    turn = turn_px(step.matrix, level.factor, shape, zoom_known=False)
    error_px = level.factor * step.error_px
    if turn > finest * LARGEST_TURN_PX or error_px >= level.error_px:
        return level
    seen = _with_step(level, error_px, step)
    return seen if seen.feared_px <= finest * LARGEST_UNKNOWN_PX[size] else level


def _asks_for_intensity(level: Level, shape: Shape, largest_px: float) -> bool:
    """Whether a strong blur leaves tiles unsure that a similarity of the intensities may mend."""
    unsure = math.isfinite(level.error_px) and level.error_px > largest_px
    if not unsure or level.tiles.against_px:
        return False
    if not is_strongly_blurred(level, shape):
        return False
    return level.tiles.fit.model in ("translation", "similarity")


def _with_step(level: Level, error_px: float, step: StrongBlurStep) -> Level:
    """The level after a step of the intensities."""
    tiles = level.tiles
    stepped = replace(
        tiles,
        fit=replace(tiles.fit, model="similarity"),
        scatter_px=tiles.scatter_px * error_px / level.error_px,
    )
    reduced_matrix = rescaled(level.matrix, level.factor)
    matrix = rescaled(reduced_matrix @ step.matrix, 1 / level.factor)
    return replace(
        level,
        matrix=matrix,
        error_px=error_px,
        turn_error_px=error_px,
        tiles=stepped,
    )


def is_strongly_blurred(level: Level, shape: Shape) -> bool:
    """Whether the blur is so strong that tiles may all err, in pictures of the level's shape."""
    return level.blur_px >= STRONG_BLUR * level.factor * max(shape)


def turn_px(
    step: Doubles,
    factor: int,
    shape: Shape,
    *,
    zoom_known: bool,
) -> float:
    """Length by which a step turns and zooms the corners, px of the full picture."""
    zoomed = 0.0 if zoom_known else step[0, 0] - 1
    slope = factor * math.hypot(zoomed, step[1, 0])
    return slope * half_diagonal_px(shape)


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
    coc_px = level.coc_px[agreeing] / factor
    step = strong_blur_step(
        first,
        moved_picture(second, matrix),
        Area.shown(matrix, first.shape),
        centres,
        coc_px,
    )
    whole_step = rescaled(step.matrix, 1 / further)
    return StrongBlurStep(whole_step, further * step.error_px)
