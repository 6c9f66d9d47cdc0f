"""Dark specks of the sharp member, as of dust, in a map of stops."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

AROUND_PX = 63
"""Side of the median that is taken off: what is wider than half of it is not a speck."""
LEAST_STOPS, DEEP_STOPS = 0.1, 0.2
"""Depth at which a speck begins, and depth that at least one speck must have, in stops."""
LEAST_PIXELS, MOST_WIDTH, LEAST_FILLED = 20, 0.06, 0.4
"""Limits of a speck: least area in px, largest width as a share of the picture's, and least share
of its bounding square that it fills."""
LEAST_SPECKS, PER_OTHER = 3, 4
"""Least number of specks, and least number of specks for each bright spot: edges that the blur map
misses make dark and bright spots alike."""
SMALL_SHARE = 0.0015
"""Least share of the picture that small dark things cover together: five specks, or a hair."""
INNER_PX, RING_PX, DARKER_SIDE, LEAST_DIP, LEAST_LIGHT = 5, 6, 0.25, 0.3, 1e-3
"""Side of a speck's middle and width of the ring around it, px; the quantile of the ring's light
that is compared with the darkest pixel of the middle; the least difference between the two,
stops; and the least light that is compared."""
STEPS = 100
"""Levels of a stop when light is stored as bytes for a median filter."""


@dataclass(frozen=True)
class Specks:
    """Dark specks and the depth of the deepest, stops; no specks if they may be something else."""

    count: int  # their number; 0 if they may be something else
    stops: float
    # by how much small places of the sharp member alone are darker, beyond those that are lighter
    dark_stops: float = 0.0


def dark_specks(stops: Array, light: Array) -> Specks:
    """Count the specks, as of dust, where the sharp member is darker: dips in its light."""
    local = _local_stops(stops)
    logs = np.log2(np.maximum(light, np.float32(LEAST_LIGHT)))
    inner = np.asarray(cv2.blur(logs, (INNER_PX, INNER_PX)), np.float32)
    dark = _compact(local, inner)
    other = _compact(-local, -inner)
    deepest = max(dark, default=0.0)
    # edges that the blur map misses make as much of both signs
    shares = (1 - SMALL_SHARE, SMALL_SHARE)
    both = np.quantile(local[::2, ::2], shares)
    dark_stops = float(both.sum())
    wanted = max(LEAST_SPECKS, PER_OTHER * len(other))
    if len(dark) < wanted or deepest < DEEP_STOPS:
        return Specks(0, 0.0, dark_stops)
    return Specks(len(dark), deepest, dark_stops)


def _local_stops(stops: Array) -> Array:
    """The stops less their median over a wide square; only what is small is left."""
    levels = np.clip(STEPS * stops + 128, 0, 255).astype(np.uint8)
    middle = cv2.medianBlur(levels, AROUND_PX).astype(np.float32)
    wide = (middle - 128) / np.float32(STEPS)
    return np.asarray(stops - wide, np.float32)


def _compact(stops: Array, log_light: Array) -> list[float]:
    """Heights of the compact spots of a map that are dips of the light too."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(
        (stops > LEAST_STOPS).astype(np.uint8)
    )
    heights = []
    for number, box in enumerate(boxes[1:].tolist(), start=1):
        left, top, width, height, area = box
        if not _is_compact(width, height, area, stops.shape[1]):
            continue
        around = _around(left, top, width, height)
        spot = labels[around] == number
        part = log_light[around]
        darker_side = np.quantile(part[~spot], DARKER_SIDE)
        dip = float(darker_side - part[spot].min())
        if dip > LEAST_DIP:
            heights.append(float(stops[around][spot].max()))
    return heights


def _around(left: int, top: int, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of a box with the ring around it."""
    top_row = max(top - RING_PX, 0)
    left_column = max(left - RING_PX, 0)
    rows = slice(top_row, top + height + RING_PX)
    columns = slice(left_column, left + width + RING_PX)
    return rows, columns


def _is_compact(width: int, height: int, area: int, picture_width: int) -> bool:
    """Whether a spot is small, and fills its box about as a disc does."""
    side = max(width, height)
    least = max(LEAST_PIXELS, LEAST_FILLED * side**2)
    return side <= MOST_WIDTH * picture_width and area >= least
