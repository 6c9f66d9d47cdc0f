"""Edge-based spatial frequency response (e-SFR) of a slanted edge.

Source: the method of ISO 12233; the window follows the blur, as a whole region raises MTF50."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge_line import (
    EdgeLine,
    EdgeWindow,
    UnclearEdgeError,
    fit_edge_line,
    upright,
)
from defocus.edges.linear_light import is_clipped
from defocus.errors import ImageError
from defocus.pictures.values import LUMINANCE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MtfCurve:
    """A sampled MTF.

    Attributes:
        frequencies: ``(F,)`` float64, ascending from 0, cycles per pixel.
        values: ``(F,)`` float64, contrast at each frequency over that of large areas: 1 at 0.
    """

    frequencies: Array
    values: Array

    def at(self, frequency: float) -> float:
        """The value at a frequency in cycles per pixel, linearly interpolated."""
        return float(np.interp(frequency, self.frequencies, self.values))

    def crossing(self, level: float) -> float | None:
        """The lowest frequency at which it falls to a level (0.5 is MTF50), or None."""
        below = np.flatnonzero(self.values < level)
        if len(below) == 0 or below[0] == 0:
            return None
        first = below[0]
        pair = slice(first - 1, first + 1)
        high, low = self.values[pair]
        start, end = self.frequencies[pair]
        return float(start + (end - start) * (high - level) / (high - low))


COLOURS = ("red", "green", "blue")
BINS_PER_PX = 4
FREQUENCIES = np.arange(1025) / 1024.0
DISC_RISE = 0.6871
"""10–90 % rise of a disc's edge over the disc's diameter."""
FLAT_PER_BLUR = 0.7
FLAT_PX = 1.5
END_PER_BLUR = 1.1
END_PX = 3.0
NARROW_PER_BLUR = 0.55
"""Least width of the flat part in a narrow region, as a share of the blur: a disc's edge just
fits."""
NARROW_PX = 0.5
"""Width, px, that is added to this share of the blur."""
BORDER_PX = 2.0
LEAST_MODULATION = 0.2
LEAST_ANGLE_DEG = 2.0
MOST_ANGLE_DEG = 44.0
REPEATING_DEG = (14.036, 26.565)
"""Angles with slopes of 1/4 and 1/2, degrees: pixels fall on the same bins again and again
there."""
PARTS = 4
"""Number of parts of an edge whose scatter gives the error."""
LEAST_ROWS = 8
"""Least number of rows of a part."""


@dataclass(frozen=True)
class EdgeResponse:
    """The response of lens, sensor and processing to an edge.

    Attributes:
        mtf: The curve of the luminance, along the edge's normal: 1025 frequencies from 0 to 1
            cycles per pixel.
        mtf50: Frequency at which it falls to 0.5, cycles per pixel; None if beyond 1.
        mtf50_error: Standard error of MTF50, by the scatter of parts along the edge; None if that
            of one of them is beyond 1, or the edge is too short.
        mtf10: The same as MTF50 for 0.1.
        rise_px: Distance from 10 to 90 % of the step, along the normal.
        overshoot: Height above the bright plateau, over the step.
        undershoot: Depth below the dark plateau, over the step.
        place_px: Place of the edge in the middle row (the middle column of an edge that is lying),
            from the region's left or top border: the derivative's centroid.
        half_px: The same for the point at 50 %.
        angle_deg: Angle to the nearer axis, signed.
        lying: Whether the edge runs from left to right.
        modulation: (bright - dark) / (bright + dark) of the plateaus, in linear light.
        colour_mtf50: MTF50 of ``red``, ``green`` and ``blue``; empty where grey alone was given.
        colour_shift_px: Place of each colour minus green's, along the normal.
        notes: What makes the numbers less certain, in words.
    """

    mtf: MtfCurve
    mtf50: float | None
    mtf50_error: float | None
    mtf10: float | None
    rise_px: float
    overshoot: float
    undershoot: float
    place_px: float
    half_px: float
    angle_deg: float
    lying: bool
    modulation: float
    colour_mtf50: Mapping[str, float | None]
    colour_shift_px: Mapping[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Profile:
    """An edge averaged along itself: signed distance of the bins' middles, px, and linear light."""

    distance: Array
    light: Array


def measure_edge(light: Array) -> EdgeResponse:
    """Measure a region with one slanted edge, in linear light, 1 = clipped."""
    # The blur, both plateaus and some 100 px along the edge should be in it. MTF50 of a
    # noise-free edge is within 0.5 %.
    region, lying = upright(np.asarray(light, np.float64))
    if is_clipped(region):
        raise ImageError("more than 0.5 % of the region is clipped; expose less")
    grey = region if region.ndim == 2 else region @ np.asarray(LUMINANCE)
    window, line = _window_and_line(grey)
    profile = _profile(grey, line)
    mtf = _mtf(profile, window)
    left, right, enough = _plateaus(profile, window)
    relative = (profile.light - left) / (right - left)
    near = relative[np.abs(profile.distance) <= window.end_px]
    overshoot, undershoot = _beyond_plateaus(near, rises=right > left)
    modulation = abs(right - left) / max(right + left, 1e-9)
    place_px = line.coefficients[0]
    half = _crossing(profile.distance, relative, 0.5)
    colour_mtf50, colour_shift_px = _colours(region, line, window)
    return EdgeResponse(
        mtf=mtf,
        mtf50=mtf.crossing(0.5),
        mtf50_error=_mtf50_error(grey, line, window),
        mtf10=mtf.crossing(0.1),
        rise_px=_rise(profile.distance, relative),
        overshoot=overshoot,
        undershoot=undershoot,
        place_px=place_px,
        half_px=place_px + half / line.cosine,
        angle_deg=line.angle_deg,
        lying=lying,
        modulation=modulation,
        colour_mtf50=colour_mtf50,
        colour_shift_px=colour_shift_px,
        notes=_notes(line, modulation, enough=enough),
    )


def _beyond_plateaus(relative: Array, *, rises: bool) -> tuple[float, float]:
    """Height above the bright plateau and depth below the dark one, over the step."""
    beyond_right = max(float(relative.max()) - 1.0, 0.0)
    beyond_left = max(-float(relative.min()), 0.0)
    if rises:
        return beyond_right, beyond_left
    return beyond_left, beyond_right


def _colours(
    region: Array,
    line: EdgeLine,
    window: EdgeWindow,
) -> tuple[dict[str, float | None], dict[str, float]]:
    """MTF50 of each colour, and its place minus green's along the normal; empty for grey."""
    mtf50: dict[str, float | None] = {}
    place_px: dict[str, float] = {}
    if region.ndim == 2:
        return mtf50, place_px
    for name, light in zip(COLOURS, np.moveaxis(region, 2, 0), strict=True):
        place_px[name] = fit_edge_line(light, window).coefficients[0]
        mtf = _mtf(_profile(light, line), window)
        mtf50[name] = mtf.crossing(0.5)
    green_px = place_px["green"]
    shift_px = {}
    for name, place in place_px.items():
        shift_px[name] = (place - green_px) * line.cosine
    return mtf50, shift_px


def edge_window(grey: Array) -> EdgeWindow:
    """The window that fits the blur of an edge from top to bottom, in linear light ``(H, W)``."""
    return _window_and_line(grey)[0]


def _window_and_line(grey: Array) -> tuple[EdgeWindow, EdgeLine]:
    """Window by the blur, and line by the window, in two passes."""
    line = fit_edge_line(grey)
    height, width = grey.shape
    for _ in range(2):
        profile = _profile(grey, line)
        left, right = _ends(profile)
        relative = (profile.light - left) / (right - left)
        blur = _rise(profile.distance, relative) / DISC_RISE
        room = width / 2 - BORDER_PX - abs(line.slope) * height / 2
        least = NARROW_PER_BLUR * blur + NARROW_PX
        wanted = FLAT_PER_BLUR * blur + FLAT_PX
        flat = min(wanted, max(least, room))
        window = EdgeWindow(flat, END_PER_BLUR * blur + END_PX)
        line = fit_edge_line(grey, window)
    return window, line


def _mtf50_error(
    grey: Array,
    line: EdgeLine,
    window: EdgeWindow,
) -> float | None:
    """Standard error of MTF50, by the scatter of parts along the edge."""
    length = len(grey) // PARTS
    if length < LEAST_ROWS:
        return None
    numbers = []
    for k in range(PARTS):
        part = slice(k * length, (k + 1) * length)
        mtf50 = _mtf(_profile(grey, line, part), window).crossing(0.5)
        if mtf50 is None:
            return None
        numbers.append(mtf50)
    return float(np.std(numbers, ddof=1)) / math.sqrt(PARTS)


def _profile(
    grey: Array,
    line: EdgeLine,
    part: slice | None = None,
) -> _Profile:
    """Average along the edge: the mean of the pixels in each quarter of a pixel."""
    # Only a whole number of the phases at which an edge meets the pixels counts, or some rows.
    if part is None:
        part = _whole_phases(len(grey), abs(line.slope))
    distance = line.distances(grey.shape[1])[part]
    bins = np.floor(distance * BINS_PER_PX).astype(np.intp)
    low = int(bins.min())
    flat = (bins - low).ravel()
    counts = np.bincount(flat)
    sums = np.bincount(flat, weights=grey[part].ravel())
    middles = (np.arange(len(counts)) + low + 0.5) / BINS_PER_PX
    filled = _is_filled(counts)
    first_bin, last_bin = np.flatnonzero(filled)[[0, -1]]
    kept = middles[first_bin : last_bin + 1]
    means = sums[filled] / counts[filled]
    light = np.interp(kept, middles[filled], means)
    return _Profile(kept, light)


def _is_filled(counts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which bins have enough pixels."""
    usual = float(np.median(counts[counts > 0]))
    return counts >= max(1.0, 0.2 * usual)


def _whole_phases(rows: int, slope: float) -> slice:
    """Rows in the middle that hold a whole number of phases."""
    length = rows
    if slope * rows >= 1.0:
        phases = math.floor(rows * slope)
        length = min(round(phases / slope), rows)
    first = (rows - length) // 2
    return slice(first, first + length)


def _ends(profile: _Profile) -> tuple[float, float]:
    """Light at both ends of a profile."""
    share = max(len(profile.light) // 10, 2)
    left = np.median(profile.light[:share])
    right = np.median(profile.light[-share:])
    if left == right:
        raise UnclearEdgeError("no edge in the region: both sides are equally bright")
    return float(left), float(right)


def _plateaus(profile: _Profile, window: EdgeWindow) -> tuple[float, float, bool]:
    """Light on both sides outside the window, and whether there is room for that."""
    left = profile.light[profile.distance < -window.flat_px]
    right = profile.light[profile.distance > window.flat_px]
    if min(len(left), len(right)) < BINS_PER_PX:
        return *_ends(profile), False
    room = min(-profile.distance[0], profile.distance[-1])
    enough = bool(room >= window.end_px - 1)
    light_left = float(np.median(left))
    light_right = float(np.median(right))
    return light_left, light_right, enough


def _mtf(profile: _Profile, window: EdgeWindow) -> MtfCurve:
    """Fourier transform of the windowed derivative, corrected for bins and derivative."""
    # A difference over two bins passes sinc(f / 2), a bin sinc(f / 4), f in cycles per pixel.
    derivative = np.gradient(profile.light)[1:-1]
    spread = derivative * window(profile.distance[1:-1])
    power_of_two = 1 << (len(spread) - 1).bit_length()
    length = max(1024 * BINS_PER_PX, power_of_two)
    spectrum = np.abs(np.fft.rfft(spread, length))
    frequencies = np.arange(len(spectrum)) * BINS_PER_PX / length
    passed = np.sinc(frequencies / 2) * np.sinc(frequencies / 4)
    corrected = spectrum / passed.clip(0.1)
    values = np.interp(FREQUENCIES, frequencies, corrected / spectrum[0])
    return MtfCurve(FREQUENCIES, np.asarray(values))


def _crossing(
    distance: Array,
    relative: Array,
    level: float,
) -> float:
    """Distance at which a rising profile passes a level, looking outwards from its middle."""
    middle = int(np.argmin(np.abs(distance)))
    index = middle
    if relative[middle] >= level:
        while index > 0 and relative[index - 1] >= level:
            index -= 1
        before = max(index - 1, 0)
        after = index
    else:
        while index < len(relative) - 1 and relative[index + 1] < level:
            index += 1
        before = index
        after = min(index + 1, len(relative) - 1)
    low = relative[before]
    high = relative[after]
    share = 0.0 if high == low else (level - low) / (high - low)
    step = distance[after] - distance[before]
    return float(distance[before] + share * step)


def _rise(distance: Array, relative: Array) -> float:
    """Distance from 10 to 90 % of a rising profile."""
    return _crossing(distance, relative, 0.9) - _crossing(distance, relative, 0.1)


def _notes(
    line: EdgeLine,
    modulation: float,
    *,
    enough: bool,
) -> tuple[str, ...]:
    """Reasons why a measurement is less certain."""
    angle = abs(line.angle_deg)
    notes = []
    if not LEAST_ANGLE_DEG <= angle <= MOST_ANGLE_DEG:
        notes.append(f"the edge is at {angle:.1f} degrees; 3 to 12 are best")
    if any(abs(angle - repeating) < 0.4 for repeating in REPEATING_DEG):
        notes.append(
            f"at {angle:.1f} degrees the edge meets all pixels in the same few phases"
        )
    if abs(line.slope) * line.rows < 1.0:
        notes.append("the region is short: the edge crosses less than one pixel")
    if modulation < LEAST_MODULATION:
        notes.append(f"low contrast ({modulation:.2f}); noise weighs more")
    if not enough:
        notes.append("the region is narrow for this blur")
    return tuple(notes)
