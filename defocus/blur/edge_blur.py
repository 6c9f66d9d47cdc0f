"""The blur of edges, from gradients at two scales."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

LARGEST_SIGMA_PX = 5.0


def gradient_magnitude(
    picture: Array,
    scale_px: float,
    radius_px: int,
) -> NDArray[np.float64]:
    """The gradient's length behind a Gaussian of ``scale_px``; the picture is mirrored."""
    taps = np.arange(-radius_px, radius_px + 1)
    bell = np.exp(-0.5 * (taps / scale_px) ** 2)
    slope = taps * bell / (2 * math.pi * scale_px**4)
    grey = np.asarray(picture, np.float64)
    across = cv2.sepFilter2D(
        grey,
        cv2.CV_64F,
        slope,
        bell,
        borderType=cv2.BORDER_REFLECT,
    )
    down = cv2.sepFilter2D(grey, cv2.CV_64F, bell, slope, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.hypot(across, down), np.float64)


def edge_sigma_px(
    fine: Array,
    coarse: Array,
    fine_px: float,
    coarse_px: float,
) -> NDArray[np.float64]:
    """The standard deviation, px, of the blur of edges from their gradients at two scales."""
    # (m1 / m2)² = (sigma² + s2²) / (sigma² + s1²), with m1 fine and s2 > s1; at most 5, and 0 where
    # no blur explains the gradients.
    ratio = np.square(fine / np.maximum(coarse, np.finfo(np.float64).tiny))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (ratio * fine_px**2 - np.square(coarse_px)) / (1 - ratio)
    sigma = np.sqrt(np.maximum(np.nan_to_num(variance, nan=0.0, posinf=np.inf), 0))
    return np.asarray(np.minimum(sigma, LARGEST_SIGMA_PX), np.float64)
