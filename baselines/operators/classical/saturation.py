"""Handling of saturated pixels, around which a deconvolution would ring."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.classical.deconvolution.domain import Array

__all__ = ["SATURATED", "fade_to_blurry"]

SATURATED = 0.98
"""From this value of any channel on, sRGB, a pixel may have been clipped."""


def fade_to_blurry(
    restored: NDArray[np.float32], blurry: Array, diameter_px: Array
) -> NDArray[np.float32]:
    """Keep the blurry picture at saturated pixels, and mix it in around them."""
    # From one diameter of the circle of confusion away on, all is restored.
    clipped = np.asarray((blurry >= SATURATED).any(axis=2))
    if not clipped.any():
        return restored
    distance = cv2.distanceTransform(np.asarray(~clipped, np.uint8), cv2.DIST_L2, 5)
    share = np.clip(distance / np.maximum(diameter_px, 1), 0, 1).astype(np.float32)[:, :, None]
    return np.asarray(blurry + share * (restored - blurry), dtype=np.float32)
