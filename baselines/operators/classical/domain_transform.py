"""Edge-aware smoothing by the domain transform's recursive filter.

Source: Gastal, Oliveira, Domain Transform for Edge-Aware Image and Video Processing, SIGGRAPH 2011.
"""

import math

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.classical.deconvolution.domain import Array
from defocus.baselines.operators.classical.row_kernels import smooth_rows

__all__ = ["recursive_filter"]


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
    # summed over its channels.
    smooth = np.atleast_3d(np.array(values, np.float64))
    by = smooth if guide is None else np.atleast_3d(np.asarray(guide, np.float64))
    along_rows = _distances(by, space_px / colour)
    along_columns = _distances(by.transpose(1, 0, 2), space_px / colour)
    for number in range(iterations):
        share = 2 ** (iterations - number - 1) / math.sqrt(4**iterations - 1)
        decay = -math.sqrt(2) / (space_px * math.sqrt(3) * share)
        smooth_rows(smooth, np.exp(decay * along_rows))
        turned = np.ascontiguousarray(smooth.transpose(1, 0, 2))
        smooth_rows(turned, np.exp(decay * along_columns))
        smooth = np.ascontiguousarray(turned.transpose(1, 0, 2))
    return smooth.reshape(np.shape(values))


def _distances(guide: Array, scale: float) -> NDArray[np.float64]:
    """``(H, W)``: how far each pixel is from the one on its left, >= 1; the first column is 1."""
    steps = np.abs(np.diff(guide, axis=1)).sum(axis=2)
    return np.pad(1 + scale * steps, ((0, 0), (1, 0)), constant_values=1.0)
