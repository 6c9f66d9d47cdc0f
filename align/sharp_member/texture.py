"""Texture and grain that the sharp member has lost, as by noise reduction."""

import math
from functools import cache

import cv2
import numpy as np

from defocus.align.arrays import Singles
from defocus.align.sampling.pyramid import grain_level
from defocus.blur.gradients import slopes

FINE_PX = 0.7
"""Width (sigma) of the Gaussian that leaves fine detail, px: a camera's smoothing reduces it."""
COARSE_PX = 2.5
"""Width (sigma) of the Gaussian that leaves coarse detail, px: smoothing does not reduce it."""
AROUND_PX = 17
"""Side of the windows over which detail is averaged, px."""
EDGES = 0.9
"""Quantile of coarse detail above which there are edges."""
WEAK = 0.6
"""Quantile of coarse detail below which there is weak texture."""
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


def grain(codes: Singles) -> float:
    """Standard deviation of the grain, codes."""
    return math.hypot(grain_level(codes, np.ones_like(codes)), ROUNDING)


def lost_stops(codes: Singles) -> float | None:
    """Stops of fine detail lost in weak texture against edges, relative to coarse detail.

    Stops; negative in most photographs, as texture is finer than edges. None without texture."""
    coarse = _energy(codes, COARSE_PX)
    # every fourth value: the quantiles of neighbours hardly differ
    fourth = coarse[::2, ::2]
    high, low = np.quantile(fourth, (EDGES, WEAK))
    edges = coarse > high
    weak = coarse < low
    weak &= coarse > LEAST_DETAIL**2
    if min(edges.sum(), weak.sum()) < LEAST_PLACES:
        return None
    noise = grain(codes) ** 2 * noise_energy(FINE_PX)
    energy = _energy(codes, FINE_PX)
    fine = np.maximum(energy - np.float32(noise), 0)
    at_edges = _ratio(fine[edges], coarse[edges])
    at_weak = _ratio(fine[weak], coarse[weak])
    return math.log2(at_edges / at_weak) / 2


def _ratio(fine: Singles, coarse: Singles) -> float:
    """Mean energy of fine detail over that of coarse detail."""
    ratio = fine.mean() / coarse.mean()
    return max(float(ratio), LEAST_RATIO)


def _energy(codes: Singles, width_px: float) -> Singles:
    """Mean squared gradient around each pixel, behind a Gaussian."""
    smooth = cv2.GaussianBlur(codes, (0, 0), width_px)
    across, down = slopes(smooth)
    squares = across * across + down * down
    means = cv2.blur(squares, (AROUND_PX, AROUND_PX))
    return np.asarray(means, np.float32)


@cache
def noise_energy(width_px: float) -> float:
    """Mean squared gradient of white noise of variance 1 behind a Gaussian."""
    middle = KERNEL_PX // 2
    point = np.zeros((KERNEL_PX, KERNEL_PX), np.float32)
    point[middle, middle] = 1
    energy = _energy(point, width_px)
    # the box mean is the sum over its area, and the point lies within it
    return float(energy[middle, middle]) * AROUND_PX**2
