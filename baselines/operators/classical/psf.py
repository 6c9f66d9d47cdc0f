"""PSFs of a circle of confusion: a disc, or a Gaussian with the same second moment."""

import math
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.scene.aperture import disc_psf

__all__ = ["Shape", "gaussian_psf", "kernel", "sigma_of"]

Shape: TypeAlias = Literal["disc", "gaussian"]

SUPPORT = 4.0
"""Standard deviations that a Gaussian kernel reaches to each side."""
LEAST_SIGMA_PX = 0.118
"""Below, the neighbours of the middle pixel are less than the rounding of its value."""


def sigma_of(diameter_px: float) -> float:
    """The standard deviation, px, of the Gaussian whose second moment a disc's is: c / 4."""
    return diameter_px / 4


@lru_cache(maxsize=256)
def kernel(diameter_px: float, shape: Shape) -> NDArray[np.float64]:
    """The kernel of a circle of confusion of a diameter in px: odd-sized, sum 1, symmetric."""
    if shape == "disc":
        return disc_psf(diameter_px)
    sigma = sigma_of(diameter_px)
    return gaussian_psf(sigma, math.ceil(SUPPORT * sigma))


def gaussian_psf(sigma_px: float, radius_px: int) -> NDArray[np.float64]:
    """A Gaussian at the pixels' centres, sum 1; a point if sigma is below 0.118 px."""
    if sigma_px < LEAST_SIGMA_PX:
        return np.ones((1, 1))
    axis = np.exp(-0.5 * (np.arange(-radius_px, radius_px + 1) / sigma_px) ** 2)
    values = np.outer(axis, axis)
    return np.asarray(values / values.sum())
