"""The reconstructed chain of 2016."""

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.classical.chains.chain import MapDeconvolution
from defocus.baselines.operators.classical.deconvolution.domain import Array
from defocus.baselines.operators.classical.deconvolution.tvl2 import tvl2_levels
from defocus.baselines.operators.classical.deconvolution.wiener import wiener_levels
from defocus.baselines.operators.classical.psf import sigma_of
from defocus.baselines.operators.classical.saturation import fade_to_blurry
from defocus.baselines.operators.classical.varying.levels import deconvolve
from defocus.baselines.systems.tvl2_2016.defocus_map import estimate_sigma_px

__all__ = ["make", "restore"]

WEIGHT = 2000.0
ITERATIONS = 20
LEVELS = 8
COLOUR_NOISE_TO_SIGNAL = 0.03


def make() -> MapDeconvolution:
    """The chain."""
    return MapDeconvolution(_diameter_px, restore)


def _diameter_px(picture: Array) -> NDArray[np.float64]:
    return np.asarray(estimate_sigma_px(picture) / sigma_of(1.0))


def restore(picture: Array, diameter_px: Array) -> NDArray[np.float32]:
    """Total variation for brightness; Wiener's filter for colour, which may be less sharp."""
    given = np.asarray(picture, np.float32)
    parts = np.asarray(cv2.cvtColor(given, cv2.COLOR_RGB2YCrCb), np.float32)
    sharp = partial(tvl2_levels, weight=WEIGHT, iterations=ITERATIONS)
    mild = partial(wiener_levels, noise_to_signal=COLOUR_NOISE_TO_SIGNAL)
    restored = np.concatenate(
        [
            deconvolve(parts[:, :, :1], diameter_px, sharp, shape="gaussian", count=LEVELS),
            deconvolve(parts[:, :, 1:], diameter_px, mild, shape="gaussian", count=LEVELS),
        ],
        axis=2,
    )
    colour = np.asarray(cv2.cvtColor(restored, cv2.COLOR_YCrCb2RGB), np.float32)
    return fade_to_blurry(np.clip(colour, 0, 1), picture, diameter_px)
