"""Deconvolution of DMENet's comparison as published, level by level; slow, with visible seams.

Source: github.com/codeslake/DMENet at d844e5a, folder deconvolution (facts only).
"""

import math

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.classical.deconvolution.domain import Array, Periodic
from defocus.baselines.operators.classical.deconvolution.edgetaper import edgetaper
from defocus.baselines.operators.classical.deconvolution.krishnan_fergus import krishnan_fergus
from defocus.baselines.operators.classical.deconvolution.prior import Prior
from defocus.baselines.operators.classical.psf import LEAST_SIGMA_PX, gaussian_psf
from defocus.baselines.operators.classical.varying.quantised import quantised

__all__ = ["published_stage"]

SUPPORT = 8.49
"""Standard deviations at which a Gaussian falls below the rounding of its largest value."""
LARGEST_RADIUS_PX = 50
TAPERS = 4


def published_stage(
    picture: Array, sigma_px: NDArray[np.float64], prior: Prior
) -> NDArray[np.float32]:
    """Deconvolve each pixel with the Gaussian of its level, of at most 33 levels."""
    levels = quantised(sigma_px)
    restored = np.array(picture, np.float32)
    for level in np.unique(levels):
        if level < LEAST_SIGMA_PX:
            continue
        radius = min(math.ceil(SUPPORT * level), LARGEST_RADIUS_PX)
        psf, own = gaussian_psf(float(level), radius), levels == level
        for channel in range(picture.shape[2]):
            restored[own, channel] = _whole(picture[:, :, channel], psf, prior)[own]
    return np.clip(restored, 0, 1)


def _whole(channel: Array, psf: Array, prior: Prior) -> Array:
    radius = len(psf) // 2
    padded = np.pad(channel.astype(np.float32), radius, mode="edge")
    for _ in range(TAPERS):
        padded = edgetaper(padded, psf)
    domain = Periodic((padded.shape[0], padded.shape[1]))
    return krishnan_fergus(padded, psf, prior, domain)[radius:-radius, radius:-radius]
