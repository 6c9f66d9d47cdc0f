"""The blur of edges, from gradients at two scales."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.images import Image, as_float, srgb_to_linear

Array = NDArray[np.floating[Any]]

STEEP_PX = 0.8
"""Blur after which an edge must be steep, so that noise is none."""
FINE_PX, COARSE_PX = 0.5, 1.2
SHARP_RATIO = 1.4
"""Gradient after the fine over that after the coarse blur: of an edge with 0.7 px of blur, or with
a circle of confusion of 3 px. With blurs of 0.8 and 2 px, many edges glowed still at 6 px."""
LEAST_GRADIENT = 0.012
NOISE_FACTOR = 3.0
"""An edge is that much steeper than half of all pixels: noise, and texture out of focus."""

LARGEST_SIGMA_PX = 5.0


def gradient_magnitude(picture: Array, scale_px: float, radius_px: int) -> NDArray[np.float64]:
    """The gradient's length behind a Gaussian of ``scale_px``; the picture is mirrored."""
    taps = np.arange(-radius_px, radius_px + 1)
    bell = np.exp(-0.5 * (taps / scale_px) ** 2)
    slope = taps * bell / (2 * math.pi * scale_px**4)
    grey = np.asarray(picture, np.float64)
    across = cv2.sepFilter2D(grey, cv2.CV_64F, slope, bell, borderType=cv2.BORDER_REFLECT)
    down = cv2.sepFilter2D(grey, cv2.CV_64F, bell, slope, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.hypot(across, down), np.float64)


def edge_sigma_px(
    fine: Array, coarse: Array, fine_px: float, coarse_px: float
) -> NDArray[np.float64]:
    """The standard deviation, px, of the blur of edges from their gradients at two scales."""
    # (m1 / m2)² = (sigma² + s2²) / (sigma² + s1²), with m1 fine and s2 > s1; at most 5, and 0 where
    # no blur explains the gradients.
    ratio = np.square(fine / np.maximum(coarse, np.finfo(np.float64).tiny))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (ratio * fine_px**2 - np.square(coarse_px)) / (1 - ratio)
    sigma = np.sqrt(np.maximum(np.nan_to_num(variance, nan=0.0, posinf=np.inf), 0))
    return np.asarray(np.minimum(sigma, LARGEST_SIGMA_PX), np.float64)


def in_focus(picture: Image) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks of an sRGB-encoded picture: edges, and those in focus, whatever their contrast.

    Source: Zhuo and Sim, Defocus map estimation from a single image, 2011, section 3 (there a = 0).
    """
    encoded = as_float(picture)
    steep = gradient_length(encoded.mean(axis=2), STEEP_PX)
    edges = steep > max(LEAST_GRADIENT, NOISE_FACTOR * float(np.median(steep)))
    light = srgb_to_linear(encoded).mean(axis=2)
    fine, coarse = (gradient_length(light, blur) for blur in (FINE_PX, COARSE_PX))
    return edges, edges & (fine > SHARP_RATIO * coarse)


def gradient_length(sharp: NDArray[np.float32], blur_px: float) -> NDArray[np.float32]:
    """Length of the gradient after a Gaussian blur, per px."""
    grey = cv2.GaussianBlur(sharp, (0, 0), blur_px)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.hypot(across, down)
