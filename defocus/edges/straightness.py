"""Whether what should be straight is straight."""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_PLACES = 5
"""Least number of places, or of blocks of rows, for an answer."""


@dataclass(frozen=True)
class Straightness:
    """Deviation of an edge or a line from a straight line, px."""

    # ``rms_px`` is over blocks of 8 rows of an edge, or places of a line; ``bow_px`` the signed
    # height of its parabola; ``shift_px`` along the normal in the middle row, 0 for a single
    # picture.

    rms_px: float
    largest_px: float
    bow_px: float
    shift_px: float


def line_deviation(
    where: Array,
    off: Array,
    shift_px: float = 0.0,
) -> Straightness | None:
    """Deviation of places at -1 to 1 along a line, px across it, from the best straight line."""
    seen = np.isfinite(off)
    if seen.sum() < LEAST_PLACES:
        return None
    where = where[seen]
    off = off[seen]
    fitted = polynomial.polyfit(where, off, 1)
    rest = off - polynomial.polyval(where, fitted)
    parabola = polynomial.polyfit(where, off, 2)
    return Straightness(
        rms_px=float(np.sqrt(np.mean(rest**2))),
        largest_px=float(np.abs(rest).max()),
        bow_px=-float(parabola[2]),
        shift_px=shift_px,
    )
