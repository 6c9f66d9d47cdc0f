"""Point spread functions: odd-sized kernels that sum to 1, centred at ``size // 2``."""

import math

import numpy as np
from numpy.typing import NDArray

from defocus.errors import OpticsError

__all__ = ["disc_psf"]

SUPERSAMPLING = 8


def disc_psf(diameter_px: float) -> NDArray[np.float64]:
    """The PSF of a defocused ideal lens: a uniform disc, anti-aliased by 8 × 8 sub-pixels.

    Args:
        diameter_px: Circle-of-confusion diameter in pixels, >= 0. Up to one pixel it is a point.

    Returns:
        ``(K, K)``, K odd, sum 1.

    Raises:
        OpticsError: The diameter is negative or not finite.
    """
    if not math.isfinite(diameter_px) or diameter_px < 0:
        raise OpticsError(
            f"a circle of confusion of {diameter_px} px has no kernel; give 0 or more"
        )
    half = math.ceil(max(diameter_px / 2 - 0.5, 0.0))
    size = 2 * half + 1
    if half == 0:
        return np.ones((1, 1))
    steps = (np.arange(size * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - size / 2
    inside = steps[:, None] ** 2 + steps[None, :] ** 2 <= (diameter_px / 2) ** 2
    disc = inside.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING).mean(axis=(1, 3))
    return np.asarray(disc / disc.sum())
