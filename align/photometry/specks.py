"""Dark specks in the sharp member that the blurry one does not show, as dust on a sensor makes."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Specks", "dark_specks"]

Array = NDArray[np.float32]

AROUND_PX = 63
"""Side of the median that is taken off: what is wider than half of it is no speck."""
LEAST_STOPS, DEEP_STOPS = 0.1, 0.2
"""Where a speck begins, and the depth that one of them must have."""
LEAST_PIXELS, MOST_WIDTH, LEAST_FILLED = 20, 0.06, 0.4
"""Area, width over that of the picture, and share of its square that it fills."""
LEAST_SPECKS, PER_OTHER = 3, 4
"""A pair has dust if it has so many specks, and so many for each spot of the other sign: edges that
the blur map misses make both."""
INNER_PX, RING_PX, DARKER_SIDE, LEAST_DIP, LEAST_LIGHT = 5, 6, 0.25, 0.3, 1e-3
"""Side of a speck's middle, width of what is compared around it, the quantile of its light under
which the middle lies by so many stops, and the least light that is compared."""
STEPS = 100
"""Steps of a stop, of a median of bytes."""


@dataclass(frozen=True)
class Specks:
    """Dark specks and the depth of the deepest, stops; 0 of them if they may be something else."""

    count: int  # their number; 0 if they may be something else
    stops: float


def dark_specks(stops: Array, light: Array) -> Specks:
    """Count the specks where the sharp member is darker (positive stops), dips in its light."""
    levels = np.clip(STEPS * stops + 128, 0, 255).astype(np.uint8)
    wide = (cv2.medianBlur(levels, AROUND_PX).astype(np.float32) - 128) / np.float32(STEPS)
    local = np.asarray(stops - wide, np.float32)
    logs = np.log2(np.maximum(light, np.float32(LEAST_LIGHT)))
    inner = np.asarray(cv2.blur(logs, (INNER_PX, INNER_PX)), np.float32)
    dark, other = _compact(local, inner), _compact(-local, -inner)
    deepest = max(dark, default=0.0)
    if len(dark) < max(LEAST_SPECKS, PER_OTHER * len(other)) or deepest < DEEP_STOPS:
        return Specks(0, 0.0)
    return Specks(len(dark), deepest)


def _compact(stops: Array, log_light: Array) -> list[float]:
    """Heights of the compact spots of a map that are dips of the light too."""
    _, labels, found, _ = cv2.connectedComponentsWithStats((stops > LEAST_STOPS).astype(np.uint8))
    heights = []
    for number, (left, top, width, height, area) in enumerate(found[1:].tolist(), start=1):
        side = max(width, height)
        if side > MOST_WIDTH * stops.shape[1] or area < max(LEAST_PIXELS, LEAST_FILLED * side**2):
            continue
        around = (slice(max(top - RING_PX, 0), top + height + RING_PX),
                  slice(max(left - RING_PX, 0), left + width + RING_PX))  # fmt: skip
        spot, part = labels[around] == number, log_light[around]
        dip = float(np.quantile(part[~spot], DARKER_SIDE) - part[spot].min())
        if dip > LEAST_DIP:
            heights.append(float(stops[around][spot].max()))
    return heights
