"""Whether lines that are straight in the truth stay straight in a restored picture.

A network that learned from deformed pairs bends them (Li et al., AAAI 2023, Fig. 1)."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.edges.straightness import LEAST_PLACES, line_deviation

Picture = NDArray[np.float64]
Array = NDArray[np.float64]

LEAST_LENGTH_PX = 40
"""Length of the shortest line, px: five blocks of rows."""
BLOCK_ROWS = 8
REACH_PX = 5
"""Largest distance from the line at which its edge is looked for, px."""
STRAIGHT_PX = 0.15
"""Largest bend of a line in the truth itself, root mean square, px."""
LEAST_STEP = 0.08
"""Least step of brightness across the line in each of its blocks."""
SEEN_SHARE = 0.3
"""Share of the true step below which an edge has no measurable place."""


@dataclass(frozen=True)
class StraightLine:
    """A line that is straight in the truth."""

    # first end, ``(x, y)`` px, with the brighter side on its left
    start: tuple[float, float]
    stop: tuple[float, float]  # other end
    places: Array  # ``(blocks,)`` where the truth has the edge, px across the line
    steps: Array  # ``(blocks,)`` step of brightness across it

    @property
    def length_px(self) -> float:
        """Length."""
        return float(np.hypot(*np.subtract(self.stop, self.start)))


def straight_lines(truth: Picture) -> tuple[StraightLine, ...]:
    """The lines of a picture that are long, straight and of good contrast, the longest first.

    By LSD (von Gioi et al., IPOL 2012): 40 px, a step of 0.08, straight to 0.15 px."""
    grey = _grey(truth)
    levels = np.rint(np.clip(grey, 0.0, 1.0) * 255).astype(np.uint8)
    # None without a segment, which OpenCV's type hints do not know
    ends: Any = cv2.createLineSegmentDetector().detect(levels)[0]
    if ends is None:
        return ()
    segments = np.asarray(ends, np.float64).reshape(-1, 4)
    lines = filter(None, map(partial(_measured, grey), segments))
    return tuple(sorted(lines, key=lambda line: -line.length_px))


def line_bend_px(picture: Picture, line: StraightLine) -> float:
    """How far a line of the truth is bent in a restored picture: root mean square, px.

    Shift and tilt do not count; NaN where fewer than five blocks show the edge."""
    # A place of the edge is the centroid of the gradient across it, in a block of eight rows.
    places, steps = _edge_places(_grey(picture), line.start, line.stop)
    seen = steps >= SEEN_SHARE * line.steps
    off = np.where(seen, places - line.places, np.nan)
    along = np.linspace(-1.0, 1.0, len(off))
    bent = line_deviation(along, off)
    return np.nan if bent is None else bent.rms_px


def _grey(picture: Picture) -> Array:
    return np.asarray(picture.mean(axis=2))


def _measured(grey: Array, segment: Array) -> StraightLine | None:
    """The inner part of a segment as a line; None where it is short, weak or bent."""
    first, last = _inner_part(segment, grey.shape)
    if np.hypot(*(last - first)) < LEAST_LENGTH_PX:
        return None
    one = (float(first[0]), float(first[1]))
    other = (float(last[0]), float(last[1]))
    for start, stop in ((one, other), (other, one)):
        places, steps = _edge_places(grey, start, stop)
        if len(places) < LEAST_PLACES or (steps < LEAST_STEP).any():
            continue
        along = np.linspace(-1.0, 1.0, len(places))
        bent = line_deviation(along, places)
        if bent is not None and bent.rms_px <= STRAIGHT_PX:
            return StraightLine(start, stop, places, steps)
    return None


def _inner_part(segment: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Ends of the part of a segment that keeps ``REACH_PX`` from the border; equal if none does."""
    first = segment[:2]
    way = segment[2:] - first
    low = float(REACH_PX)
    high = np.array(shape[1::-1]) - 1.0 - REACH_PX
    with np.errstate(divide="ignore", invalid="ignore"):
        at_borders = [(low - first) / way, (high - first) / way]
    enters, leaves = np.sort(at_borders, axis=0)
    still = way == 0
    enter = max(0.0, float(np.nanmax(np.where(still, 0.0, enters))))
    leave = min(1.0, float(np.nanmin(np.where(still, 1.0, leaves))))
    beyond = (first < low) | (first > high)
    if (beyond & still).any() or leave <= enter:
        return first, first
    return first + enter * way, first + leave * way


def _edge_places(
    grey: Array,
    start: tuple[float, float],
    stop: tuple[float, float],
) -> tuple[Array, Array]:
    """Place across the line, px, and step of brightness, of each block of rows along it."""
    way = np.subtract(stop, start)
    length = float(np.hypot(*way))
    blocks, reach = _blocks_across(grey, start, way, length)
    rise = np.maximum(np.diff(blocks, axis=1), 0.0)
    steps = rise.sum(axis=1)
    middles = (reach[1:] + reach[:-1]) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        places = (rise * middles).sum(axis=1) / steps
    return places, steps


def _blocks_across(
    grey: Array,
    start: tuple[float, float],
    way: Array,
    length: float,
) -> tuple[Array, Array]:
    """Brightness across the line, mean over blocks of rows along it, and the places, px."""
    along = way / length
    across = np.array([way[1], -way[0]]) / length
    whole = int(length) // BLOCK_ROWS * BLOCK_ROWS
    rest = length % BLOCK_ROWS
    rows = np.arange(whole) + rest / 2
    reach = np.arange(-REACH_PX, REACH_PX + 1, dtype=np.float64)
    from_start = rows[:, None, None] * along + reach[None, :, None] * across
    spots = np.add(start, from_start)
    profile = _brightness(grey, spots.astype(np.float32))
    blocks = profile.reshape(-1, BLOCK_ROWS, len(reach))
    return blocks.mean(axis=1), reach


def _brightness(grey: Array, spots: NDArray[np.float32]) -> Array:
    """The picture at places ``(H, W, 2)``, by cubic interpolation."""
    values = cv2.remap(
        grey.astype(np.float32),
        spots[..., 0],
        spots[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return values.astype(np.float64)
