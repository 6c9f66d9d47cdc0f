"""The reconstructed chain of 2016: local contrast and edges, a guided filter, a deconvolution.

The paper's abstract names these ideas; its text was not at hand, so every number is ours."""

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.chain import MapDeconvolution
from defocus.baselines.operators.deconvolution import tvl2_levels, wiener_levels
from defocus.baselines.operators.domain import Array, fade_to_blurry
from defocus.baselines.operators.edges import canny, luma, recursive_filter
from defocus.baselines.operators.varying import deconvolve
from defocus.blur.edge_blur import edge_sigma_px, gradient_magnitude

FINE_PX, COARSE_PX = 1.0, 1.5
RADIUS_PX = 7
CONTRAST_WINDOW = np.ones((7, 7), np.uint8)
LEAST_CONTRAST = 0.05
COLOUR = 0.4
GUIDED_RADIUS_PX, MEGAPIXEL = 15, 1e6
GUIDED_EPSILON = 1e-3


def estimate_sigma_px(picture: Array) -> NDArray[np.float64]:
    """The deviation of the blur at each pixel, ``(H, W)``, 0 to 5 px; 0 without any edge."""
    grey = luma(picture)
    contrast = local_contrast(grey)
    edge = canny(grey, FINE_PX) & (contrast >= LEAST_CONTRAST)
    if not edge.any():
        return np.zeros(grey.shape)
    fine = gradient_magnitude(grey, FINE_PX, RADIUS_PX)
    coarse = gradient_magnitude(grey, COARSE_PX, RADIUS_PX)
    sigma_px = edge_sigma_px(fine, coarse, FINE_PX, COARSE_PX)
    dense = _spread(picture, sigma_px, edge * contrast)
    side = np.sqrt(grey.size / MEGAPIXEL)
    radius = max(1, round(GUIDED_RADIUS_PX * side))
    smooth = guided_filter(dense, grey, radius, GUIDED_EPSILON)
    return np.maximum(smooth, 0)


def _spread(picture: Array, sigma_px: Array, weight: Array) -> NDArray[np.float64]:
    """From the edges to all pixels, across what looks alike, by weight; ``(H, W)``."""
    both = np.stack([weight * sigma_px, weight], axis=2)
    reach_px = min(weight.shape) / 8
    sums = recursive_filter(both, reach_px, COLOUR, 5, guide=picture)
    weights = np.maximum(sums[:, :, 1], np.finfo(np.float64).tiny)
    return np.asarray(sums[:, :, 0] / weights)


def local_contrast(grey: Array) -> NDArray[np.float64]:
    """(max - min) / (max + min) around each pixel, in [0, 1]; ``(H, W)``."""
    largest = cv2.dilate(grey, CONTRAST_WINDOW)
    least = cv2.erode(grey, CONTRAST_WINDOW)
    return np.asarray((largest - least) / (largest + least))


def guided_filter(
    values: Array,
    guide: Array,
    radius_px: int,
    epsilon: float,
) -> NDArray[np.float64]:
    """Values as a locally linear function of a guide, both ``(H, W)``."""
    # ``epsilon`` is the variance of the guide up to which an area counts as flat. Source: He, Sun,
    # Tang, Guided Image Filtering, PAMI 35 (2013).
    side = (2 * radius_px + 1, 2 * radius_px + 1)

    def mean(of: Array) -> Array:
        return np.asarray(cv2.blur(of, side, borderType=cv2.BORDER_REFLECT))

    centre = mean(guide)
    level = mean(values)
    slope = (mean(guide * values) - centre * level) / (
        np.maximum(mean(guide * guide) - centre * centre, 0) + epsilon
    )
    return np.asarray(mean(slope) * guide + mean(level - slope * centre))


WEIGHT = 2000.0
ITERATIONS = 20
LEVELS = 8
COLOUR_NOISE_TO_SIGNAL = 0.03


def make() -> MapDeconvolution:
    """The chain."""
    return MapDeconvolution(estimate_sigma_px, restore)


def restore(picture: Array, diameter_px: Array) -> NDArray[np.float32]:
    """Total variation for brightness; Wiener's filter for colour, which may be less sharp."""
    given = np.asarray(picture, np.float32)
    parts = np.asarray(cv2.cvtColor(given, cv2.COLOR_RGB2YCrCb), np.float32)
    sharp = partial(tvl2_levels, weight=WEIGHT, iterations=ITERATIONS)
    mild = partial(wiener_levels, noise_to_signal=COLOUR_NOISE_TO_SIGNAL)
    restored = np.concatenate(
        [
            deconvolve(
                parts[:, :, :1],
                diameter_px,
                sharp,
                shape="gaussian",
                count=LEVELS,
            ),
            deconvolve(
                parts[:, :, 1:],
                diameter_px,
                mild,
                shape="gaussian",
                count=LEVELS,
            ),
        ],
        axis=2,
    )
    colour = np.asarray(cv2.cvtColor(restored, cv2.COLOR_YCrCb2RGB), np.float32)
    return fade_to_blurry(np.clip(colour, 0, 1), picture, diameter_px)
