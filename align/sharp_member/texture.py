"""Texture and grain that the sharp member has lost, as by noise reduction."""

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.pyramid import grain_level
from defocus.blur.gradients import slopes

Array = NDArray[np.float32]

FINE_PX, COARSE_PX = 0.7, 2.5
"""Widths (sigma) of the two Gaussians after which detail is compared, px. A camera's smoothing
reduces only the finer detail."""
AROUND_PX = 17
"""Side of the windows over which detail is averaged, px."""
EDGES, WEAK = 0.9, 0.6
"""Quantiles of coarse detail: above the first are edges, below the second is weak texture."""
LEAST_DETAIL = 0.0025
"""Least root mean square of coarse gradients of weak texture, codes a px: less is a plain wall."""
LEAST_PLACES = 400
"""Least number of pixels of edges, and of weak texture."""
LEAST_RATIO = 1e-6
"""Smallest ratio of fine to coarse energy that is distinguished from 0."""
ROUNDING = 0.3 / 255
"""Standard deviation of the rounding to 8 bits, codes: each member has at least this much grain."""
KERNEL_PX = 33
"""Side of the picture of a point that shows how much noise a Gaussian leaves."""


def grain(codes: Array) -> float:
    """Standard deviation of the grain, codes."""
    return math.hypot(grain_level(codes, np.ones_like(codes)), ROUNDING)


def lost_stops(codes: Array) -> float | None:
    """Stops of fine detail lost in weak texture against edges, relative to coarse detail.

    Stops; negative in most photographs, as texture is finer than edges. None without texture."""
    coarse = _energy(codes, COARSE_PX)
    # every fourth value: the quantiles of neighbours hardly differ
    fourth = coarse[::2, ::2]
    high, low = np.quantile(fourth, (EDGES, WEAK))
    edges = coarse > high
    weak = (coarse < low) & (coarse > LEAST_DETAIL**2)
    if min(edges.sum(), weak.sum()) < LEAST_PLACES:
        return None
    noise = grain(codes) ** 2 * noise_energy(FINE_PX)
    energy = _energy(codes, FINE_PX) - np.float32(noise)
    fine = np.maximum(energy, 0)
    at_edges = _ratio(fine[edges], coarse[edges])
    at_weak = _ratio(fine[weak], coarse[weak])
    return math.log2(at_edges / at_weak) / 2


def _ratio(fine: Array, coarse: Array) -> float:
    """Mean energy of fine detail over that of coarse detail."""
    return max(float(fine.mean() / coarse.mean()), LEAST_RATIO)


def _energy(codes: Array, width_px: float) -> Array:
    """Mean squared gradient around each pixel, behind a Gaussian."""
    smooth = cv2.GaussianBlur(codes, (0, 0), width_px)
    across, down = slopes(smooth)
    return np.asarray(
        cv2.blur(across * across + down * down, (AROUND_PX, AROUND_PX)),
        np.float32,
    )


@cache
def noise_energy(width_px: float) -> float:
    """Mean squared gradient of white noise of variance 1 behind a Gaussian."""
    point = np.zeros((KERNEL_PX, KERNEL_PX), np.float32)
    point[KERNEL_PX // 2, KERNEL_PX // 2] = 1
    # the box mean is the sum over its area, and the point lies within it
    return (
        float(_energy(point, width_px)[KERNEL_PX // 2, KERNEL_PX // 2]) * AROUND_PX**2
    )
