"""Displacement field as arrows over a picture."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["displacement_arrows"]

ARROWS_ACROSS = 16
LONGEST_SHARE = 0.8
"""Of the distance between two arrows, taken by the longest."""

FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
INK, HALO = (255, 214, 10, 255), (0, 0, 0, 200)


def displacement_arrows(field: NDArray[np.floating]) -> tuple[int, NDArray[np.uint8]]:
    """Draw a field as RGBA arrows, and the round factor that lengthens them to be seen."""
    # The field is ``(2, H, W)``, px, x to the right and y down; arrows are left out where it is not
    # finite.
    import cv2

    _, height, width = field.shape
    step = max(8, width // ARROWS_ACROSS)
    rows, columns = (np.arange(step // 2, side, step) for side in (height, width))
    sampled = field[:, rows[:, None], columns[None, :]]
    lengths = np.hypot(*sampled)
    longest = float(np.nanmax(lengths, initial=0.0))
    wanted = LONGEST_SHARE * step / longest if longest > 0 else 1.0
    factor = max((f for f in FACTORS if f <= wanted), default=1)
    drawn = np.zeros((height, width, 4), np.uint8)
    for colour, thickness in ((HALO, 3), (INK, 1)):
        for (j, row), (i, column) in ((a, b) for a in enumerate(rows) for b in enumerate(columns)):
            if np.isfinite(lengths[j, i]):
                end = (column + factor * sampled[0, j, i], row + factor * sampled[1, j, i])
                tip = (round(float(end[0])), round(float(end[1])))
                start = (int(column), int(row))
                cv2.arrowedLine(drawn, start, tip, colour, thickness, cv2.LINE_8, tipLength=0.3)
    return factor, drawn
