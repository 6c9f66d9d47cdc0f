"""PSNR with the reference moved by its standard error: how exactly a difference is known.

Moving a registered reference within its error changes the scores of all systems, mostly alike; what
is left in a difference of two systems cannot be distinguished from a real one.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.evaluation.columns import MOVES
from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.scoring.profiles import Profile
from defocus.benchmark.scoring.protocols import Target

__all__ = ["psnr_moved"]

Array = NDArray[np.float64]

TAPS = np.arange(-1, 3)
"""Pixels that a cubic kernel reaches, from the one at or before a place."""


def psnr_moved(
    restored: Array, target: Target, profile: Profile
) -> Iterator[tuple[str, float | None]]:
    """PSNR against the reference moved by its standard error, if it has one, by move."""
    if not target.sigma_px or not target.mask.any():
        return
    for name, (right, down) in MOVES.items():
        moved = _moved(target.reference, right * target.sigma_px, down * target.sigma_px)
        squares = np.square(restored - moved)[target.mask]
        yield name, decibels(float(squares.mean()), profile)


def _moved(picture: Array, right_px: float, down_px: float) -> Array:
    """The picture read at so much to the right and below; border values are repeated outside."""
    # Source: Keys, Cubic convolution interpolation for digital image processing (1981).
    moved: Any = picture  # OpenCV's stubs know no float64 alone
    for axis, place in ((1, right_px), (0, down_px)):
        whole = int(np.floor(place))
        weights = _cubic(np.asarray(TAPS - (place - whole), np.float64))
        if place:
            reach = np.zeros(2 * max(abs(whole + tap) for tap in (-1, 2)) + 1)
            reach[len(reach) // 2 + whole + TAPS] = weights
            kernel = reach[None, :] if axis else reach[:, None]
            moved = cv2.filter2D(moved, cv2.CV_64F, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float64)


def _cubic(x: Array) -> Array:
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x**2 + 1
    return np.where(x < 1, inner, ((-0.5 * x + 2.5) * x - 4) * x + 2)
