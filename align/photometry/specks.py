"""Dark specks of the sharp member, as of dust, in a map of stops."""

from dataclasses import dataclass

import cv2
import numpy as np

from defocus.align.arrays import Singles

AROUND_PX = 63
"""Side of the median that is taken off: what is wider than half of it is not a speck."""
LEAST_STOPS = 0.1
"""Depth at which a speck begins, stops."""
DEEP_STOPS = 0.2
"""Depth that at least one speck must have, stops."""
LEAST_PIXELS = 20
"""Least area of a speck, px."""
MOST_WIDTH = 0.06
"""Largest width of a speck, as a share of the picture's."""
LEAST_FILLED = 0.4
"""Least share of its bounding square that a speck fills."""
LEAST_SPECKS = 3
PER_OTHER = 4
"""Least number of specks for each bright spot: edges that the blur map misses make dark and bright
spots alike."""
SMALL_SHARE = 0.0015
"""Least share of the picture that small dark things cover together: five specks, or a hair."""
INNER_PX = 5
"""Side of a speck's middle, px."""
RING_PX = 6
"""Width of the ring around a speck's middle, px."""
DARKER_SIDE = 0.25
"""Quantile of the ring's light that is compared with the darkest pixel of the middle."""
LEAST_DIP = 0.3
"""Least difference between the two, stops."""
LEAST_LIGHT = 1e-3
"""Least light that is compared, as a share of white."""
STEPS = 100
"""Levels of a stop when light is stored as bytes for a median filter."""


@dataclass(frozen=True)
class Specks:
    """Dark specks and the depth of the deepest, stops; no specks if they may be something else."""

    count: int  # their number; 0 if they may be something else
    stops: float
    # by how much small places of the sharp member alone are darker, beyond those that are lighter
    dark_stops: float = 0.0


def dark_specks(stops: Singles, light: Singles) -> Specks:
    """Count the specks, as of dust, where the sharp member is darker: dips in its light."""
    local = _local_stops(stops)
    floored = np.maximum(light, np.float32(LEAST_LIGHT))
    means = cv2.blur(np.log2(floored), (INNER_PX, INNER_PX))
    inner = np.asarray(means, np.float32)
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


def _local_stops(stops: Singles) -> Singles:
    """The stops less their median over a wide square; only what is small is left."""
    shifted = np.clip(STEPS * stops + 128, 0, 255)
    levels = shifted.astype(np.uint8)
    medians = cv2.medianBlur(levels, AROUND_PX)
    middle = medians.astype(np.float32)
    wide = (middle - 128) / np.float32(STEPS)
    return np.asarray(stops - wide, np.float32)


def _compact(stops: Singles, log_light: Singles) -> list[float]:
    """Heights of the compact spots of a map that are dips of the light too."""
    high = (stops > LEAST_STOPS).astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(high)
    heights = []
    for number, box in enumerate(boxes[1:].tolist(), start=1):
        left, top, width, height, area = box
        if not _is_compact(width, height, area, stops.shape[1]):
            continue
        around = _around(left, top, width, height)
        spot = labels[around] == number
        part = log_light[around]
        darker_side = np.quantile(part[~spot], DARKER_SIDE)
        darkest = part[spot].min()
        dip = float(darker_side - darkest)
        if dip > LEAST_DIP:
            spot_stops = stops[around][spot]
            heights.append(float(spot_stops.max()))
    return heights


def _around(
    left: int,
    top: int,
    width: int,
    height: int,
) -> tuple[slice, slice]:
    """Rows and columns of a box with the ring around it."""
    first_row = max(top - RING_PX, 0)
    first_column = max(left - RING_PX, 0)
    below = top + height + RING_PX
    beside = left + width + RING_PX
    return slice(first_row, below), slice(first_column, beside)


def _is_compact(
    width: int,
    height: int,
    area: int,
    picture_width: int,
) -> bool:
    """Whether a spot is small, and fills its box about as a disc does."""
    side = max(width, height)
    least = max(LEAST_PIXELS, LEAST_FILLED * side**2)
    return side <= MOST_WIDTH * picture_width and area >= least
