"""Conversion of a picture with per-pixel depth to layers for the renderer."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from defocus.scene.layers import Layer
from defocus.scene.window import Window, shown

__all__ = ["depth_layers"]


def depth_layers(
    colour: NDArray[np.float64], depth_mm: NDArray[np.float64], count: int, reach_px: float
) -> list[Layer]:
    """Quantise a picture with depth into layers, far to near.

    Steps are even in inverse depth, in which the circle of confusion is linear. Each layer
    continues behind the nearer ones for ``reach_px``, filled with its own nearest pixel, because a
    blurred nearer edge is partly transparent and neighbouring layers of a slanted surface must
    leave no seam. The farthest layer continues everywhere. A pinhole picture of the layers equals
    ``colour``.
    """
    inverse = 1.0 / depth_mm
    low, high = float(inverse.min()), float(inverse.max())
    step = (high - low) / count or 1.0
    bins = np.minimum(((inverse - low) / step).astype(np.int64), count - 1)
    present = [int(k) for k in np.unique(bins)]
    return [
        _layer(colour, inverse, bins, k, np.inf if k == present[0] else reach_px) for k in present
    ]


def _layer(
    colour: NDArray[np.float64],
    inverse: NDArray[np.float64],
    bins: NDArray[np.int64],
    k: int,
    reach_px: float,
) -> Layer:
    own = bins == k
    window = Window.of(own.shape)
    if not math.isinf(reach_px):
        window = shown(own).grown(math.ceil(reach_px)).within(window)
    box = window.index
    distance, nearest = distance_transform_edt(~own[box], return_indices=True)
    filled, alpha = np.zeros_like(colour), np.zeros(own.shape)
    filled[box] = colour[box][nearest[0], nearest[1]]
    alpha[box] = (bins[box] >= k) & (distance <= reach_px)
    return Layer(colour=filled, alpha=alpha, depth_mm=float(1.0 / inverse[own].mean()))
