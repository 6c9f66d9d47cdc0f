"""Sharpness of a picture, without a reference."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["sharpness"]

FINE_SIGMA, COARSE_SIGMA = 0.7, 2.8
TILE_PX = 32
TEXTURED_SHARE = 0.2
"""The picture is judged by the fifth of its tiles with the strongest detail: a wall is not blur."""
FLAT = 1e-4
"""Below this contrast of encoded values a tile has nothing but noise to be judged by."""


def sharpness(luma: NDArray[np.float32]) -> float | None:
    """Ratio of fine to coarse detail, in the most detailed tiles of a picture.

    It is the standard deviation of the detail finer than a Gaussian of 0.7 px, divided by that of
    the band between 0.7 and 2.8 px, as the median over the fifth of the tiles with the strongest
    coarse band. Blur removes the fine band first, so the ratio falls with blur, while contrast and
    exposure cancel. Pictures of the same scene can be compared with each other, different scenes
    only roughly.

    Args:
        luma: ``(H, W)`` float32, sRGB-encoded, 0..1.

    Returns:
        The ratio, > 0; None if no tile has detail.
    """
    slightly = cv2.GaussianBlur(luma, (0, 0), FINE_SIGMA)
    strongly = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
    fine = _tile_deviation(luma - slightly)
    coarse = _tile_deviation(slightly - strongly)
    chosen = coarse >= max(float(np.quantile(coarse, 1 - TEXTURED_SHARE)), FLAT)
    if not chosen.any():
        return None
    return float(np.median(fine[chosen] / coarse[chosen]))


def _tile_deviation(band: NDArray[np.float32]) -> NDArray[np.float64]:
    """Root mean square of a band-pass picture in square tiles, flattened."""
    height, width = (max(1, side // TILE_PX) for side in band.shape)
    squared = band.astype(np.float64) ** 2
    means = cv2.resize(squared, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.sqrt(means)).ravel()
