"""Noise reduction as in a camera: luma smoothed except at edges, colours smoothed more."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LUMA_RADIUS_PX = 3
"""Radius of the filter of the luma, px: a camera has no time for a larger one."""


@dataclass(frozen=True)
class NoiseReduction:
    """Strength of a camera's noise reduction."""

    luma: float  # differences of luma, in stored values, that count as noise; > 0
    luma_px: float  # standard deviation of the smoothing of luma, px
    chroma_px: (
        float  # standard deviation of the smoothing of colours, px; 0 leaves them
    )


def denoised(stored: Array, reduction: NoiseReduction) -> Array:
    """Reduce the noise of stored values: ``(H, W, 3)`` float32 in [0, 1]."""
    luma_chroma = cv2.cvtColor(stored, cv2.COLOR_RGB2YCrCb)
    luma, red, blue = cv2.split(luma_chroma)
    side = 2 * LUMA_RADIUS_PX + 1
    luma = cv2.bilateralFilter(
        luma,
        side,
        reduction.luma,
        reduction.luma_px,
    )
    if reduction.chroma_px:
        red = cv2.GaussianBlur(red, (0, 0), reduction.chroma_px)
        blue = cv2.GaussianBlur(blue, (0, 0), reduction.chroma_px)
    smoothed = cv2.merge([luma, red, blue])
    colours = cv2.cvtColor(smoothed, cv2.COLOR_YCrCb2RGB)
    return np.asarray(np.clip(colours, 0, 1), np.float32)
