"""Smoothing, downscaling and upscaling of maps with masked pixels."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["grain_level", "means_over", "reduced_area", "resized_to", "smoothed"]

Array = NDArray[np.float32]
GRAIN_WINDOW_PX = 16
ROUGHNESS = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)


def smoothed(values: Array, sigma_px: float) -> Array:
    """Gaussian mean of ``(H, W)`` or ``(H, W, C)`` values, reflected at the border."""
    blurred = cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def means_over(maps: Sequence[Array] | Array, weight: Array, sigma_px: float) -> Array:
    """Gaussian means of maps ``(N, H, W)`` with weights 0..1; 0 if nothing near has weight."""
    total = smoothed(weight, sigma_px) + np.float32(1e-3)
    return np.stack([smoothed(values * weight, sigma_px) / total for values in maps])


def grain_level(values: Array, counted: Array) -> float:
    """Standard deviation of white noise, from the smoothest tenth: texture is not everywhere.

    Source: Immerkær, Fast noise variance estimation (CVIU 1996), over windows.
    """
    rough = np.abs(cv2.filter2D(values, cv2.CV_32F, ROUGHNESS))
    local = reduced_area(np.asarray(rough), GRAIN_WINDOW_PX)
    places = local[reduced_area(counted, GRAIN_WINDOW_PX) > 0.99]
    return float(np.percentile(places, 10)) * np.sqrt(np.pi / 2) / 6 if places.size else 0.0


def reduced_area(values: Array, factor: int) -> Array:
    """Area mean on a grid that is coarser by ``factor`` over the same frame."""
    if factor == 1:
        return values
    height, width = (max(side // factor, 1) for side in values.shape[:2])
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA))


def resized_to(values: Array, shape: tuple[int, ...]) -> Array:
    """Linear interpolation on another grid over the same frame."""
    if values.shape[:2] == shape[:2]:
        return values
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR))
