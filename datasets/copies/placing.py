"""Where a picture is in another one: mirrored or turned by 90°, enlarged and moved."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.copies.features import Codes, turn_matrices

Indices = NDArray[np.intp]

Array = NDArray[np.float32]

FEWEST_AGREEING = 4
"""Number of features that must agree on a place before pixels are compared. Chance makes 4 agree in
one of five pictures, 6 in one of a hundred; the pixels then decide."""

PLACE_ERROR_PX = 4.0
"""Largest distance of an agreeing feature from its place, in pixels of the coarser picture. Where
levels differ in scale, a feature moves by up to 3 px."""

MOST_TRIES = 400
"""Largest number of pairs of matches that are tried."""

SCALE_SLACK = 1.4
"""Factor by which the scale of a pair of matches may differ from that of its levels: the step
between levels."""

MOST_ENLARGED = 4.0
"""Largest factor between the sizes of a part and of its origin; up to 3 is looked for."""

OUTLYING = 0.1
"""Share of the agreeing features on each side that may lie outside of the part that is shared."""

COMPARED_PX = 256
"""Longer side at which the pixels of two pictures are compared."""
FINE_SIGMA_PX = 4.0
"""Standard deviation, px, of the Gaussian above which detail is not compared: light and colour may
have been changed."""
LEAST_PART_PX = 64
"""Least side of a part that is compared by itself."""
TILE_PX = 16
LEAST_TILE_CONTRAST = 2.0
"""Least standard deviation of the detail of a tile that counts, in levels of 255."""
FEWEST_TILES = 6
LEAST_COPY = 0.9
"""Least median correlation of the fine detail of a copy. Parts of 349 photographs saved as JPEG of
quality 50, brightened, sharpened, with noise or enlarged to three times had 0.947 and more."""
MOST_STRETCH = 0.008
MOST_ANGLE_DEG = 0.12
"""Largest stretch (a ratio, less 1) and largest rotation, degrees, of a copy: the parts above had
up to 0.007 and 0.09°. In one of thirty pairs, another photograph from a place moved a little had
less of both."""
ECC_ROUNDS, ECC_STEP, ECC_SMOOTH_PX = 40, 1e-4, 3
"""Largest number of rounds of the refinement, change of the correlation below which it ends, and
side of the window in which both pictures are smoothed first, px."""


@dataclass(frozen=True)
class Placing:
    """Place of a picture in another: ``there = scale * turn @ here + shift``, in pixels."""

    turn: int  # number of the turn, see ``turn_matrices``
    scale: float
    shift_px: tuple[float, float]
    agreeing: int  # number of features that agree
    # where most of these lie in the picture itself: left, top, right and bottom, px
    part: tuple[float, float, float, float]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The ``(2, 3)`` matrix of the placing."""
        linear = self.scale * turn_matrices()[self.turn]
        return np.column_stack([linear, self.shift_px])

    @property
    def is_mirrored(self) -> bool:
        """Whether the picture shows the other one as in a mirror."""
        return bool(np.linalg.det(turn_matrices()[self.turn]) < 0)

    @property
    def quarter_turns(self) -> int:
        """Number of turns by 90°, after mirroring left to right if it is mirrored."""
        matrix = turn_matrices()[self.turn]
        if self.is_mirrored:
            matrix = matrix @ np.diag([-1.0, 1.0])
        cosine = matrix[0, 0]
        sine = matrix[1, 0]
        return int(np.rint(np.arctan2(sine, cosine) / (np.pi / 2))) % 4


Points = NDArray[np.float64]
Scales = NDArray[np.float64]


def agreed_placing(
    turn: int,
    here: Points,
    there: Points,
    scale: Scales,
    features: Indices,
) -> Placing | None:
    """The placing on which most matches agree; None if fewer than four features do.

    ``features`` are the features' numbers: one with several matches counts once."""
    if len(np.unique(features)) < FEWEST_AGREEING:
        return None
    upright = here @ turn_matrices()[turn].T
    scales, first = _plausible_scales(upright, there, scale)
    if not len(first):
        return None
    best = _best_agreement(there, first, scales, upright)
    agreeing = len(np.unique(features[best]))
    if agreeing < FEWEST_AGREEING:
        return None
    part = _most_of(here[best])
    placing = _fitted(turn, upright[best], there[best], agreeing, part)
    is_usual = 1 / MOST_ENLARGED <= placing.scale <= MOST_ENLARGED
    return placing if is_usual else None


def _most_of(places: Points) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what holds most places; a few of them agree by chance."""
    left, top = np.quantile(places, OUTLYING, axis=0)
    right, bottom = np.quantile(places, 1.0 - OUTLYING, axis=0)
    return float(left), float(top), float(right), float(bottom)


def _plausible_scales(
    upright: Points, there: Points, scale: Scales
) -> tuple[Scales, Indices]:
    """Scales between pairs of matches that fit the scale of their levels, with the first match."""
    first, second = _tried_pairs(len(upright))
    moved = upright[second] - upright[first]
    wanted = there[second] - there[first]
    length = np.maximum((moved**2).sum(axis=1), 1e-6)
    scales = (moved * wanted).sum(axis=1) / length
    expected = scale[first]
    plausible = (scales > expected / SCALE_SLACK) & (scales < expected * SCALE_SLACK)
    plausible &= length > (2 * PLACE_ERROR_PX) ** 2
    return scales[plausible], first[plausible]


def _best_agreement(
    there: Points, first: Indices, scales: Scales, upright: Points
) -> NDArray[np.bool_]:
    """Which matches agree with the shift and scale on which most of them agree."""
    shifts = there[first] - scales[:, None] * upright[first]
    errors = scales[:, None, None] * upright + shifts[:, None] - there
    allowed = PLACE_ERROR_PX * np.maximum(scales, 1.0)
    agrees = (errors**2).sum(axis=2) < allowed[:, None] ** 2
    return np.asarray(agrees[int(np.argmax(agrees.sum(axis=1)))])


def _tried_pairs(count: int) -> tuple[Indices, Indices]:
    first, second = np.triu_indices(count, 1)
    if len(first) <= MOST_TRIES:
        return first, second
    some = np.random.default_rng(0).choice(len(first), MOST_TRIES, replace=False)
    return first[some], second[some]


def _fitted(
    turn: int,
    upright: Points,
    there: Points,
    agreeing: int,
    part: tuple[float, float, float, float],
) -> Placing:
    """Scale and shift by least squares over the features that agree."""
    centre = upright.mean(axis=0)
    target = there.mean(axis=0)
    spread = ((upright - centre) ** 2).sum()
    scale = float(((upright - centre) * (there - target)).sum() / max(spread, 1e-6))
    shift = target - scale * centre
    return Placing(turn, scale, (float(shift[0]), float(shift[1])), agreeing, part)


@dataclass(frozen=True)
class PixelAgreement:
    """How well the pixels of two pictures agree where one is placed in the other."""

    likeness: float  # median correlation of the fine detail over tiles
    stretch: float  # by which share one axis is longer than the other; 0 for a copy
    angle_deg: float  # rotation that is left beside the turn by 90°; 0 for a copy

    @property
    def is_copy(self) -> bool:
        """Whether both have the same pixels, and not two photographs of one place."""
        is_similar = self.stretch <= MOST_STRETCH and self.angle_deg <= MOST_ANGLE_DEG
        return is_similar and self.likeness >= LEAST_COPY


def part_agreement(
    here: Codes, there: Codes, placing: Placing
) -> PixelAgreement | None:
    """How well the part agrees in which the agreeing features lie; None if it is small.

    It may have been pasted into another picture, which then agrees nowhere else."""
    left, top, right, bottom = map(round, placing.part)
    if min(right - left, bottom - top) < LEAST_PART_PX:
        return None
    part = here[top:bottom, left:right]
    start = np.array([left, top], np.float64)
    shift = placing.matrix[:, :2] @ start + placing.shift_px
    moved = replace(placing, shift_px=(float(shift[0]), float(shift[1])))
    return pixel_agreement(part, there, moved)


def pixel_agreement(
    here: Codes, there: Codes, placing: Placing
) -> PixelAgreement | None:
    """How well two pictures agree; None where too little detail is in both."""
    # A photograph from another place needs a stretch or a rotation to agree at all.
    height, width = here.shape
    reduction = min(1.0, COMPARED_PX / max(height, width), placing.scale)
    size = (max(1, round(width * reduction)), max(1, round(height * reduction)))
    small = cv2.resize(here, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    factor = min(1.0, reduction / placing.scale)
    to_other = _between(placing.matrix, reduction, factor)
    other, to_other = _around(there, factor, to_other, size)
    warp = _refined(small, other, to_other)
    likeness = _likeness_under(small, other, warp)
    if likeness is None:
        return None
    return PixelAgreement(likeness, *_stretch_and_angle(warp))


def _stretch_and_angle(warp: Array) -> tuple[float, float]:
    """How far a matrix is from a turn by 90° with one scale."""
    left, lengths, right = np.linalg.svd(warp[:, :2].astype(np.float64))
    rotation = left @ right
    angle = float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0])))
    beside_turns = abs((angle + 45.0) % 90.0 - 45.0)
    return float(lengths[0] / max(lengths[1], 1e-9) - 1.0), beside_turns


def _likeness_under(here: Array, other: Array, warp: Array) -> float | None:
    size = here.shape[::-1]
    cubic = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    nearest = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(other, warp, size, flags=cubic)
    inside = cv2.warpAffine(np.ones(other.shape, np.float32), warp, size, flags=nearest)
    return _median_correlation(
        _detail(here), _detail(np.asarray(seen, np.float32)), inside > 0
    )


def _around(
    there: Codes, factor: float, warp: Array, size: tuple[int, int]
) -> tuple[Array, Array]:
    """The part of a picture, reduced, in which another is placed, and the matrix into it."""
    reduced = there
    if factor < 1.0:
        mean = cv2.INTER_AREA
        reduced = np.asarray(
            cv2.resize(there, None, fx=factor, fy=factor, interpolation=mean)
        )
    width, height = size
    left, top, right, bottom = _frame(warp, width, height, reduced)
    moved = warp.copy()
    moved[:, 2] -= (left, top)
    return reduced[top:bottom, left:right].astype(np.float32), moved


def _frame(
    warp: Array, width: int, height: int, reduced: Codes
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part, two tiles around what is placed."""
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
    placed = corners @ warp[:, :2].T + warp[:, 2]
    low = np.floor(placed.min(axis=0)).astype(int) - TILE_PX
    high = np.ceil(placed.max(axis=0)).astype(int) + TILE_PX
    left, top = np.clip(low, 0, np.array(reduced.shape[::-1]) - 1)
    right, bottom = np.clip(high, [left + 1, top + 1], reduced.shape[::-1])
    return left, top, right, bottom


def _between(matrix: NDArray[np.float64], here: float, there: float) -> Array:
    """The matrix between two reduced pictures, whose pixels have their centres at integers."""
    linear = matrix[:, :2]
    shift = matrix[:, 2]
    centre_here = 0.5 / here - 0.5
    centre_there = 0.5 / there - 0.5
    moved = there * (linear @ np.full(2, centre_here) + shift - centre_there)
    return np.column_stack([linear * (there / here), moved]).astype(np.float32)


def _refined(here: Array, other: Array, warp: Array) -> Array:
    """The matrix refined so that the pictures correlate best; as it is where that fails."""
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_ROUNDS, ECC_STEP)
    whole = np.ones(other.shape, np.uint8)
    try:
        _, refined = cv2.findTransformECC(
            here, other, warp.copy(), cv2.MOTION_AFFINE, stop, whole, ECC_SMOOTH_PX
        )
    except cv2.error:  # nothing in common
        return warp
    return np.asarray(refined, np.float32)


def _detail(picture: Array) -> Array:
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.8)  # without the noise of JPEG
    return np.asarray(smooth - cv2.GaussianBlur(picture, (0, 0), FINE_SIGMA_PX))


def _median_correlation(
    one: Array, other: Array, inside: NDArray[np.bool_]
) -> float | None:
    """The median over tiles that lie inside and have detail in the first picture."""
    rows = one.shape[0] // TILE_PX
    columns = one.shape[1] // TILE_PX
    first = _tiles(one, rows, columns)
    second = _tiles(other, rows, columns)
    counted = _tiles(inside, rows, columns)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    told = counted.all(axis=1) & (first.std(axis=1) >= LEAST_TILE_CONTRAST)
    if told.sum() < FEWEST_TILES:
        return None
    first = first[told]
    second = second[told]
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(np.median((first * second).sum(axis=1) / np.maximum(lengths, 1e-6)))


def _tiles(
    picture: NDArray[np.generic], rows: int, columns: int
) -> NDArray[np.generic]:
    """The whole tiles of a picture, ``(tiles, pixels)``."""
    cut = picture[: rows * TILE_PX, : columns * TILE_PX]
    split = cut.reshape(rows, TILE_PX, columns, TILE_PX).swapaxes(1, 2)
    return split.reshape(rows * columns, TILE_PX * TILE_PX)


def common_shares(
    here: NDArray[np.int32], there: NDArray[np.int32], placing: Placing
) -> tuple[float, float]:
    """The shares of two pictures, by height and width, that both show."""
    height, width = here
    corners = np.array([[0.0, 0.0], [width, height]])
    placed = corners @ placing.matrix[:, :2].T + placing.matrix[:, 2]
    low = placed.min(axis=0)
    high = placed.max(axis=0)
    limits = there[::-1].astype(np.float64)
    common = np.prod(np.maximum(np.minimum(high, limits) - np.maximum(low, 0.0), 0.0))
    return float(common / np.prod(high - low)), float(common / np.prod(limits))
