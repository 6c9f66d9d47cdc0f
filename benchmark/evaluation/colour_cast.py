"""Colour casts: restored pictures whose colours were pulled to one side."""

import numpy as np
from numpy.typing import NDArray

from defocus.images import Image, as_float

__all__ = ["MOST_CAST", "colour_cast"]

MOST_CAST = 3 / 255
"""Systems that restore move a colour by 1.3 of 255 at most on the sample; from about 3 on, one sees
it beside the input."""


def colour_cast(restored: NDArray[np.float64], blurry: Image) -> float:
    """How far the mean of a colour moved beyond what all three moved, as a share of white."""
    shown = np.clip(restored, 0.0, 1.0).mean(axis=(0, 1))
    moved = shown - as_float(blurry, np.float64).mean(axis=(0, 1))
    return float(np.abs(moved - moved.mean()).max())
