"""How far the places of a pair's two pictures lie apart in the mean, and the error of that mean."""

import math

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.register import Uncertainty

__all__ = ["mean_displacement"]


def mean_displacement(
    placed: NDArray[np.float32],
    flow_error_px: NDArray[np.float32],
    counted: NDArray[np.bool_],
    frame: Uncertainty | None,
) -> tuple[float, float]:
    """Mean length of a displacement where it counts, and its standard error, px.

    The frame errs by its shift in the centre, and up to the worst corner by the squared distance.
    """
    length = float(np.hypot(*placed)[counted].mean())
    variance = float(np.square(flow_error_px[counted], dtype=np.float64).mean())
    if frame is not None:
        corner = frame.corner_px**2
        centre = min(2 * frame.shift_px**2, corner)
        variance += centre + (corner - centre) * _mean_square_radius(counted)
    return length, math.sqrt(variance)


def _mean_square_radius(counted: NDArray[np.bool_]) -> float:
    """Mean squared distance of pixels from the picture's centre, that of a corner being 1."""
    squares = 0.0
    for axis, size in enumerate(counted.shape):
        along = np.arange(size) - (size - 1) / 2
        squares += float(counted.sum(axis=1 - axis) @ np.square(along))
    return squares / float(counted.sum()) / (math.hypot(*counted.shape) / 2) ** 2
