"""Structural similarity."""

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile
from defocus.pictures.values import LUMA

Array = NDArray[np.float64]

C1 = 0.01**2
C2 = 0.03**2
WINDOW_PX = {"uniform-7": 7, "gaussian-11": 11}
"""Side of each window, px."""

_SIGMA_PX = 1.5


def ssim_map(restored: Picture, reference: Picture, window: str) -> Array:
    """SSIM of every pixel and channel, data range 1; valid where the whole window is inside."""
    # (2 mean_a mean_b + C1) (2 cov_ab + C2) / ((mean_a² + mean_b² + C1) (var_a + var_b + C2)).
    # Source: Wang et al. 2004, eq. 13; the uniform window with sample covariance, N / (N - 1), is
    # scikit-image's default, which the field's scripts use, the Gaussian one is the paper's.
    product, squares, covariance, variances = _moments(restored, reference, window)
    above = (2 * product + C1) * (2 * covariance + C2)
    below = (squares + C1) * (variances + C2)
    return np.asarray(above / below)


def contrast_and_ssim(
    restored: Picture,
    reference: Picture,
    window: str,
    profile: Profile,
) -> tuple[Array, Array]:
    """The term of contrast and structure of every pixel, and SSIM, as :func:`ssim_map` has it."""
    product, squares, covariance, variances = _moments(restored, reference, window)
    contrast = (2 * covariance + C2) / (variances + C2)
    if profile.ssim_clipped:
        contrast = np.maximum(contrast, 0.0)
    luminance = (2 * product + C1) / (squares + C1)
    return contrast, np.asarray(luminance * contrast)


def _moments(restored: Picture, reference: Picture, window: str) -> tuple[Array, ...]:
    """For each window: product of means, sum of their squares, covariance, sum of variances."""
    mean = partial(_window_mean, window)
    pixels = WINDOW_PX[window] ** 2
    sample = pixels / (pixels - 1) if window == "uniform-7" else 1.0
    mean_a = mean(restored)
    mean_b = mean(reference)
    product = mean_a * mean_b
    squares = mean_a * mean_a + mean_b * mean_b
    covariance = sample * (mean(restored * reference) - product)
    mean_squares = mean(restored * restored + reference * reference)
    variances = sample * (mean_squares - squares)
    return product, squares, covariance, variances


def _window_mean(window: str, values: Array) -> Array:
    """The mean over the window around each pixel."""
    side = WINDOW_PX[window]
    if window == "gaussian-11":
        taps = cv2.getGaussianKernel(side, _SIGMA_PX, cv2.CV_64F).ravel()
    else:
        taps = np.full(side, 1 / side)
    filtered = cv2.sepFilter2D(values, cv2.CV_64F, taps, taps)
    means = np.asarray(filtered, dtype=np.float64)
    return means.reshape(values.shape)


def seen(picture: Picture, profile: Profile) -> Picture:
    """The values that a profile's SSIM uses: channels, or their 8-bit luma ``(H, W, 1)``."""
    if not profile.ssim_of_luma:
        return picture
    # whole numbers, so that ties round alike on every machine
    codes = np.rint(picture * 255.0)
    thousandths = codes @ (1000.0 * np.array(LUMA))
    luma = np.rint(thousandths / 1000.0)
    return luma[:, :, None] / 255.0


def whole_windows(mask: Mask, side: int) -> Mask:
    """The pixels whose whole window is in the picture and under the mask, ``(H, W)``."""
    eroded = cv2.erode(
        mask.astype(np.uint8),
        np.ones((side, side), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(eroded) > 0


def masked_ssim(
    restored: Picture,
    reference: Picture,
    mask: Mask,
    window: str,
) -> float:
    """Mean of the SSIM map over channels and over pixels whose whole window is under the mask."""
    return _mean_under(ssim_map(restored, reference, window), mask, WINDOW_PX[window])


def _mean_under(similarity: Array, mask: Mask, side: int) -> float:
    counted = whole_windows(mask, side)
    if not counted.any():
        raise MetricUnavailableError(
            f"no full {side}x{side} window lies inside the mask"
        )
    return float(similarity[counted].mean())


def _ssim(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:
    window = profile.ssim_window
    if not (profile.ssim_of_luma or profile.ssim_clipped):
        return masked_ssim(restored, reference, mask, window)
    first = seen(restored, profile)
    second = seen(reference, profile)
    _, similarity = contrast_and_ssim(first, second, window, profile)
    return _mean_under(similarity, mask, WINDOW_PX[window])


def _gaussian(
    restored: Picture,
    reference: Picture,
    mask: Mask,
    profile: Profile,  # noqa: ARG001 - every metric takes the profile
) -> float:
    """SSIM over 11 x 11 px, σ 1.5, population covariance."""
    return masked_ssim(restored, reference, mask, "gaussian-11")


METRIC = Metric(
    name="ssim",
    display_name="SSIM",
    better="higher",
    unit="",
    decimals=3,
    compute=_ssim,
    span=(-1.0, 1.0),
)
GAUSSIAN = replace(
    METRIC,
    name="ssim_gaussian",
    display_name="SSIM (Gaussian)",
    compute=_gaussian,
    profiles=("defocus-v1",),
)
