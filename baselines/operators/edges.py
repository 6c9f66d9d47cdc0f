"""Edges and their blur, from gradients at two scales; edge-aware smoothing."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.domain import Array
from defocus.baselines.operators.row_kernels import smooth_rows


def recursive_filter(
    values: Array,
    space_px: float,
    colour: float,
    iterations: int,
    *,
    guide: Array | None = None,
) -> NDArray[np.float64]:
    """Smooth within areas whose guide (by default the values) is alike."""
    # ``space_px`` is the standard deviation on a flat guide, ``colour`` that in the guide's values,
    # summed over its channels. Source: Gastal, Oliveira, Domain Transform for Edge-Aware Image and
    # Video Processing, SIGGRAPH 2011 (its recursive filter).
    smooth = np.atleast_3d(np.array(values, np.float64))
    by = smooth
    if guide is not None:
        by = np.atleast_3d(np.asarray(guide, np.float64))
    along_rows = _distances(by, space_px / colour)
    along_columns = _distances(by.transpose(1, 0, 2), space_px / colour)
    for number in range(iterations):
        decay = _decay(space_px, iterations, number)
        smooth_rows(smooth, np.exp(decay * along_rows))
        turned = np.ascontiguousarray(smooth.transpose(1, 0, 2))
        smooth_rows(turned, np.exp(decay * along_columns))
        smooth = np.ascontiguousarray(turned.transpose(1, 0, 2))
    return smooth.reshape(np.shape(values))


def _decay(space_px: float, iterations: int, number: int) -> float:
    """Logarithm of the feedback of an iteration, over distance, of the recursive filter."""
    whole = math.sqrt(4**iterations - 1)
    share = 2 ** (iterations - number - 1) / whole
    deviation = space_px * math.sqrt(3) * share
    return float(-math.sqrt(2) / deviation)


def _distances(guide: Array, scale: float) -> NDArray[np.float64]:
    """``(H, W)``: how far each pixel is from the one on its left, >= 1; the first column is 1."""
    change = np.abs(np.diff(guide, axis=1))
    steps = change.sum(axis=2)
    distances = 1 + scale * steps
    return np.pad(distances, ((0, 0), (1, 0)), constant_values=1.0)


QUANTILE = 0.7
"""Share of the pixels below the higher threshold of :func:`canny`."""
LOW = 0.4
"""The lower threshold, as a share of the higher one."""
STEPS = 30000
"""Largest gradient as an integer: OpenCV wants gradients as 16-bit numbers."""
FLAT = 1e-6
"""Largest gradient that counts as rounding."""


def luma(picture: Array) -> NDArray[np.float64]:
    """Y of BT.601 in studio range, 16/255 to 235/255; ``(H, W, 3)`` to ``(H, W)``."""
    weights = np.array([65.481, 128.553, 24.966])
    weighted = np.asarray(picture, np.float64) @ weights
    return np.asarray((16 + weighted) / 255)


def canny(picture: Array, scale_px: float) -> NDArray[np.bool_]:
    """Canny's edges, with thresholds from the picture: 70 % of the pixels lie below the higher."""
    # Source: Canny, PAMI 8 (1986); the automatic thresholds as MATLAB documents them.
    grey = np.asarray(picture, np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), scale_px)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    magnitude = cv2.magnitude(across, down)
    largest = float(magnitude.max())
    if largest <= FLAT:
        return np.zeros(picture.shape, bool)
    scale = STEPS / largest
    high = scale * float(np.quantile(magnitude, QUANTILE))
    right = np.rint(scale * across).astype(np.int16)
    below = np.rint(scale * down).astype(np.int16)
    edges = cv2.Canny(right, below, LOW * high, high, L2gradient=True)
    return np.asarray(edges > 0)
