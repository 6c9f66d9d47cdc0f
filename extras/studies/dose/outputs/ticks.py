"""Marks beside a measured line, so that a reader sees what was measured."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.extras.studies.dose.outputs.straight_lines import REACH_PX

TICK_PX = (REACH_PX + 3, REACH_PX + 7)
"""Distances from the line between which a tick is drawn, px: outside the part that is measured."""

EDGE_PX = 1
"""Distance that a tick keeps from the border if its line leaves the crop, px."""

STEPS_PER_PX = 10

Picture = NDArray[np.uint8]
Place = NDArray[np.float64]


def with_ticks(crop: Picture, start: Place, stop: Place) -> Picture:
    """Mark a line by ticks across its ends, on both sides of it; the line itself stays free.

    Ends are ``(x, y)`` px; outside the crop, the ticks are where the line leaves it."""
    marked = crop.copy()
    whole = stop - start
    right, down = whole / np.hypot(*whole)
    across = np.array([down, -right])
    for end in _shown_ends(start, stop, crop.shape[0]):
        for side in (across, -across):
            ends = [np.rint(end + off * side).astype(int) for off in TICK_PX]
            near, far = np.stack(ends).tolist()
            cv2.line(marked, near, far, (0, 0, 0), 3)
            cv2.line(marked, near, far, (255, 255, 255), 1)
    return marked


def _shown_ends(start: Place, stop: Place, side: int) -> Place:
    """First and last place of the line that lies in the crop."""
    whole = stop - start
    length_px = round(float(np.hypot(*whole)))
    shares = np.linspace(0.0, 1.0, STEPS_PER_PX * length_px + 1)
    places = start + shares[:, None] * whole
    inside = (places >= EDGE_PX) & (places <= side - 1 - EDGE_PX)
    shown = places[inside.all(axis=1)]
    return shown[[0, -1]]
