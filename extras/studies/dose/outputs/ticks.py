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
    way = (stop - start) / np.hypot(*(stop - start))
    across = np.array([way[1], -way[0]])
    for end in _shown_ends(start, stop, crop.shape[0]):
        for side in (across, -across):
            near, far = (
                np.rint(end + off * side).astype(int).tolist() for off in TICK_PX
            )
            cv2.line(marked, near, far, (0, 0, 0), 3)
            cv2.line(marked, near, far, (255, 255, 255), 1)
    return marked


def _shown_ends(start: Place, stop: Place, side: int) -> Place:
    """First and last place of the line that lies in the crop."""
    count = STEPS_PER_PX * round(float(np.hypot(*(stop - start)))) + 1
    places = start + np.linspace(0.0, 1.0, count)[:, None] * (stop - start)
    inside = (places >= EDGE_PX) & (places <= side - 1 - EDGE_PX)
    return places[inside.all(axis=1)][[0, -1]]
