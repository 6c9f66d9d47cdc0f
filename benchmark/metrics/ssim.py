"""Structural similarity."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.metric import Mask, Metric, MetricUnavailableError, Picture
from defocus.benchmark.profiles import Profile

__all__ = ["METRIC", "ssim_map", "whole_windows"]

_C1 = 0.01**2
_C2 = 0.03**2


def ssim_map(restored: Picture, reference: Picture, window: int) -> NDArray[np.float64]:
    """SSIM of every pixel and channel over a uniform window, data range 1, sample covariance.

    Args:
        restored: ``(H, W, C)`` float64 in [0, 1].
        reference: Same shape.
        window: Side of the square window, odd, px.

    Returns:
        ``(H, W, C)``; only pixels whose whole window lies in the picture mean anything.

    Source: Wang et al. 2004, eq. 13, with the uniform window and N / (N - 1) of scikit-image's
    default, which the field's evaluation scripts use.
    """

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        filtered = cv2.boxFilter(values, cv2.CV_64F, (window, window))
        return np.asarray(filtered, dtype=np.float64).reshape(values.shape)

    sample = window**2 / (window**2 - 1)
    mean_a, mean_b = mean(restored), mean(reference)
    product = mean_a * mean_b
    squares = mean_a * mean_a + mean_b * mean_b
    covariance = sample * (mean(restored * reference) - product)
    variances = sample * (mean(restored * restored + reference * reference) - squares)
    above = (2 * product + _C1) * (2 * covariance + _C2)
    below = (squares + _C1) * (variances + _C2)
    return np.asarray(above / below)


def whole_windows(mask: Mask, window: int) -> Mask:
    """The pixels whose whole window lies in the picture and under the mask, ``(H, W)``."""
    eroded = cv2.erode(
        mask.astype(np.uint8),
        np.ones((window, window), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(eroded) > 0


def _ssim(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:
    """Mean of the SSIM map over channels and the pixels whose whole window counts."""
    counted = whole_windows(mask, profile.ssim_window_px)
    if not counted.any():
        side = profile.ssim_window_px
        raise MetricUnavailableError(f"no whole {side}x{side} window is under the mask")
    return float(ssim_map(restored, reference, profile.ssim_window_px)[counted].mean())


METRIC = Metric(
    name="ssim", display_name="SSIM", better="higher", unit="", decimals=3, compute=_ssim
)
