"""Detection of repeating textures, for which the shift is ambiguous."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.align.arrays import Grey, Indices, Mask, Shape
from defocus.align.photometry.blur_matching import DIAMETERS_PX
from defocus.align.registration.models import Area
from defocus.align.registration.tile_shifts import blurred_area, squared_frequencies
from defocus.align.sampling.pyramid import hann_window

Surface = NDArray[np.float64]
Shift: TypeAlias = tuple[float, float]

BAND = 0.12
"""Standard deviation of the Gaussian that weights the frequencies, cycles per pixel."""
EDGES = (0.5, 0.7, 0.8, 0.9, 0.95)
"""Shares of the correlation at rest above which connected shifts are one peak. Half is right for
peaks that stand alone; stripes, such as a bar along bricks, connect all peaks on their ridge."""
LEAST_RIDGE_PX = 8.0
"""Least distance of two peaks on one ridge, px. A nearer second peak is only roughness of the
first."""
LEAST_OVERLAP = 0.25
"""Least overlap of the two windows at which a shift is judged, as a share of the overlap at rest:
it allows shifts of up to 0.4 of a side."""
LEAST_PEAK = 0.7
"""Height of a second peak over that of the best; photographs reach 0.55."""
MOST_PEAKS = 24
CLEARLY_WORSE = 4.0
"""Ratio of the mean squared differences under the second and the best shift that tells the two
apart. Equal bricks have 1.3; with greys that scatter by 1 % of white (noise 0.4 %) they have 3, by
2 % 5."""
WINDOW_PX = 48
"""Side of the square around a tile's centre in which two shifts are compared, px."""
BLUR_WINDOW_PX = 25
"""Side of the square in which the most alike blur is chosen under each shift, px."""
LEAST_PARTS = 3
"""Least number of parts of the picture with tiles that can tell two shifts apart."""
LEAST_AGREEING = 0.6
"""Least share of the tiles contradicting the other shift that the registration must place right."""
MOST_AGAINST = 0.1
"""Largest number of tiles that support the other shift, over the number that contradict it."""


@dataclass(frozen=True)
class Witnesses:
    """Tiles that may tell two shifts apart, and the part of the picture in which each is."""

    centres: Surface  # ``(T, 2)`` x, y in the first picture, px
    agreeing: Mask  # ``(T,)``, whether the registration places them right
    # ``(T,)``, the number of the part of the picture in which each lies
    part: Indices


def repeats(
    first: Grey,
    moved: Grey,
    area: Area,
    blur_px: float,
    tiles: Witnesses,
    at_centre: Shift = (0.0, 0.0),
    largest: float = math.inf,
) -> bool:
    """Whether two registered pictures are nearly as similar under a second shift up to ``largest``.

    Gradients of whole frames are correlated; tiles in several parts may exclude a repetition."""
    (alike,) = blurred_area(moved, area, [blur_px])
    shifts = _second_shifts(_correlation(first, alike), at_centre, largest)
    if not shifts:
        return False
    seconds = [alike, *blurred_area(moved, area, DIAMETERS_PX[::2])]
    rest = _Differences.under(first, seconds, (0.0, 0.0), tiles)
    return not all(
        _told(rest, _Differences.under(first, seconds, one, tiles), tiles)
        for one in shifts
    )


def _second_shifts(surface: Surface, moved: Shift, largest: float) -> list[Shift]:
    """The shifts of the highest other peaks, the highest first."""
    row = surface.shape[0] // 2
    column = surface.shape[1] // 2
    surface = _within(surface, moved, largest, row, column)
    middle = surface[row - 1 : row + 2, column - 1 : column + 2]
    top = middle.max()
    if top <= 0:
        return []
    peaks = _other_peaks(surface, top)
    highest = sorted(peaks, key=peaks.__getitem__, reverse=True)
    return _finer(surface, highest, column, row)


def _within(
    surface: Surface,
    moved: Shift,
    largest: float,
    row: int,
    column: int,
) -> Surface:
    """The correlation without shifts that are longer than the largest."""
    if not math.isfinite(largest):
        return surface
    height, width = surface.shape
    rows = slice(-row, height - row)
    columns = slice(-column, width - column)
    down, across = np.ogrid[rows, columns]
    right = across + moved[0]
    below = down + moved[1]
    within = np.hypot(right, below) <= largest
    return np.where(within, surface, 0.0)


def _finer(
    surface: Surface,
    highest: list[tuple[int, int]],
    column: int,
    row: int,
) -> list[Shift]:
    """Shifts of the peaks, between the places by a parabola through their neighbours."""
    shifts = []
    for y, x in highest[:MOST_PEAKS]:
        beside = surface[y, x - 1 : x + 2]
        above = surface[y - 1 : y + 2, x]
        right = x - column + _top(beside)
        below = y - row + _top(above)
        shifts.append((float(right), float(below)))
    return shifts


def _other_peaks(surface: Surface, top: float) -> dict[tuple[int, int], float]:
    """Height of the highest place, row and column, of each part that is not the peak at rest."""
    row = surface.shape[0] // 2
    column = surface.shape[1] // 2
    y, x, heights = _high_places(surface, top)
    near = np.hypot(x - column, y - row) < LEAST_RIDGE_PX
    peaks: dict[tuple[int, int], float] = {}
    for edge in EDGES:
        parts = _parts(surface > edge * top)
        part = parts[y, x]
        other = part > 0
        other &= part != parts[row, column]
        if edge > EDGES[0]:
            other &= ~near
        for place in _firsts(part, other):
            peak = int(y[place]), int(x[place])
            peaks[peak] = float(heights[place])
    return peaks


def _parts(high: Mask) -> NDArray[Any]:
    """The number of the connected part that each place is in, 0 outside."""
    _, parts = cv2.connectedComponents(high.astype(np.uint8))
    return parts


def _firsts(part: NDArray[Any], counted: Mask) -> Indices:
    """Index of the first counted place of each part."""
    _, firsts = np.unique(part[counted], return_index=True)
    return np.flatnonzero(counted)[firsts]


def _high_places(
    surface: Surface,
    top: float,
) -> tuple[Indices, Indices, Surface]:
    """Row, column and height of the places near the height of the peak, the highest first."""
    y, x = np.nonzero(surface >= LEAST_PEAK * top)
    heights = surface[y, x]
    order = np.argsort(-heights, kind="stable")
    return y[order], x[order], heights[order]


def _told(rest: "_Differences", other: "_Differences", tiles: Witnesses) -> bool:
    """Whether the pictures show that the second shift is not the true one."""
    if other.mean >= CLEARLY_WORSE * rest.mean:
        return True
    if np.isnan(rest.around).all():  # too small for a window
        return False
    noise = np.nanmedian(rest.around)
    rest_floor = np.maximum(rest.around, noise)
    other_floor = np.maximum(other.around, noise)
    telling = other.around >= CLEARLY_WORSE * rest_floor
    against = rest.around >= CLEARLY_WORSE * other_floor
    if not telling.any():
        return False
    if against.sum() > MOST_AGAINST * telling.sum():
        return False
    if len(np.unique(tiles.part[telling])) < LEAST_PARTS:
        return False
    return bool(tiles.agreeing[telling].mean() >= LEAST_AGREEING)


def _correlation(first: Grey, second: Grey) -> Surface:
    """Correlation of gradients under each shift, with zero shift in the middle."""
    height, width = first.shape
    window = hann_window(height, width).astype(np.float32)
    rows = scipy.fft.next_fast_len(round(1.5 * height), real=True)
    columns = scipy.fft.next_fast_len(round(1.5 * width), real=True)
    size = (rows, columns)
    a = scipy.fft.rfft2(_centred(first) * window, s=size)
    b = scipy.fft.rfft2(_centred(second) * window, s=size)
    # a gradient weights the power by the squared frequency
    squared = squared_frequencies(size).astype(np.float32)
    band = np.exp(-squared / (2 * BAND**2))
    cross = np.conj(a) * b
    surface = scipy.fft.irfft2(cross * squared * band, s=size)
    return _per_overlap(
        height,
        rows,
        width,
        columns,
        surface,
    )


def _per_overlap(
    height: int,
    rows: int,
    width: int,
    columns: int,
    surface: Surface,
) -> Surface:
    """Correlation per overlapping area, with zero shift in the middle."""
    down = _overlaps(height, rows)
    across = _overlaps(width, columns)
    overlap = np.outer(down, across).astype(np.float32)
    fair = surface / np.maximum(overlap, LEAST_OVERLAP)
    judged = np.where(overlap >= LEAST_OVERLAP, fair, 0.0)
    return np.asarray(scipy.fft.fftshift(judged), np.float64)


def _overlaps(side: int, size: int) -> Surface:
    """``(size,)``: overlap of the window of a side with itself under each shift, 1 at rest."""
    window = np.hanning(side + 2)[1:-1]
    spectrum = scipy.fft.rfft(window.astype(np.float32), size)
    power = np.square(np.abs(spectrum))
    overlap = scipy.fft.irfft(power, size)
    at_rest = overlap[0]
    return np.asarray(overlap / at_rest)


def _centred(picture: Grey) -> Grey:
    return np.asarray(picture - picture.mean())


def _top(three: Surface) -> float:
    """Maximum of a parabola through three samples, relative to the middle one."""
    below, middle, above = three
    curvature = below - 2 * middle + above
    if not curvature:
        return 0.0
    vertex = (below - above) / (2 * curvature)
    return float(np.clip(vertex, -0.5, 0.5))


@dataclass(frozen=True)
class _Differences:
    """How much two pictures differ under a shift of the second: mean squared differences."""

    mean: float
    around: (
        Surface  # ``(T,)``, under the blur best for each tile; NaN where a picture ends
    )

    @classmethod
    def under(
        cls,
        first: Grey,
        seconds: Sequence[Grey],
        shift: Shift,
        tiles: Witnesses,
    ) -> "_Differences":
        """Compare with the second picture under several blurs, the first that of the whole."""
        part = _common(first.shape, shift)
        squares = [_squares(first, second, shift, part) for second in seconds]
        window = BLUR_WINDOW_PX, BLUR_WINDOW_PX
        blurred = [cv2.blur(one, window) for one in squares]
        least = np.min(blurred, axis=0)
        mean = float(squares[0][part].mean())
        return cls(mean, _around(least, part, tiles.centres))


def _common(shape: Shape, shift: Shift) -> tuple[slice, slice]:
    """Rows and columns that both pictures show."""
    height, width = shape
    right, down = shift
    left = _border(-right)
    above = _border(-down)
    beyond = _border(right)
    below = _border(down)
    rows = slice(above, height - below)
    columns = slice(left, width - beyond)
    return rows, columns


def _border(hidden_px: float) -> int:
    """Pixels at a border that a shift hides, and two more for the interpolation."""
    return math.ceil(max(0.0, hidden_px)) + 2


def _squares(
    first: Grey,
    second: Grey,
    shift: Shift,
    part: tuple[slice, slice],
) -> Grey:
    """Squared differences after the second picture was moved and its contrast was fitted.

    They are 0 outside the part."""
    right, down = shift
    matrix = np.array([[1.0, 0.0, right], [0.0, 1.0, down]])
    size = first.shape[::-1]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(second, matrix, size, flags=flags)
    moved = np.asarray(warped, np.float32)
    a = _centred(first[part])
    b = _centred(moved[part])
    energy = max(float((b * b).sum()), 1e-12)
    contrast = float((a * b).sum()) / energy
    squares = np.zeros_like(first)
    difference = a - np.float32(contrast) * b
    squares[part] = np.square(difference)
    return squares


def _around(squares: Grey, part: tuple[slice, slice], centres: Surface) -> Surface:
    """``(T,)`` means in the windows around places; NaN where they leave the part."""
    rows, columns = part
    half = WINDOW_PX // 2
    means = cv2.blur(squares, (WINDOW_PX, WINDOW_PX)).astype(np.float64)
    height, width = means.shape
    x, y = np.floor(centres).astype(int).T
    whole = x >= columns.start + half
    whole &= x < columns.stop - half
    whole &= y >= rows.start + half
    whole &= y < rows.stop - half
    row = np.clip(y, 0, height - 1)
    column = np.clip(x, 0, width - 1)
    return np.where(whole, means[row, column], np.nan)
