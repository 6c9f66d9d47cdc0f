"""Blur by a real lens that changes with depth and with the place in the picture."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.scene.colour_psf import colour_psfs
from defocus.scene.real_lens import RealLens

__all__ = ["lens_blurred"]

Array = NDArray[np.float32]

PLACES = (3, 4)
"""Rows and columns of places in the field between which kernels are blended."""
MOST_LAYERS = 14
LEAST_STEP_PX = 1.0
LOST = 0.004
"""Share of the light far out that is left out of a kernel."""


def lens_blurred(light: Array, diameter: Array, lens: RealLens) -> Array:
    """What a lens makes of a scene, layers composited from far to near.

    Args:
        light: ``(H, W, 3)`` linear.
        diameter: ``(H, W)`` signed diameters of the circle of confusion, px.
        lens: At its aperture and pixel pitch.

    Returns:
        ``(H, W, 3)``; within the kernels' reach of the border light from outside is missing.
    """
    low, high = float(diameter.min()), float(diameter.max())
    count = min(MOST_LAYERS, max(1, math.ceil((high - low) / LEAST_STEP_PX)))
    step = (high - low) / count or 1.0
    bins = np.clip(((diameter - low) / step).astype(int), 0, count - 1)
    reach = max(abs(low), abs(high)) / 2 + 4
    seen = np.zeros_like(light)
    farthest = int(bins.max())
    for k in sorted(np.unique(bins).tolist(), reverse=True):
        own = bins == k
        colour, alpha = _continued(light, own, bins <= k, np.inf if k == farthest else reach)
        middle = float(diameter[own].mean())
        spread, covered = _spread(colour, alpha, middle, lens)
        seen = spread + (1 - covered)[:, :, None] * seen
    return seen


def _continued(
    light: Array, own: NDArray[np.bool_], not_behind: NDArray[np.bool_], reach: float
) -> tuple[Array, Array]:
    """A layer goes on behind nearer ones with its nearest colour."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~own).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.empty(int(labels.max()) + 1, np.int64)
    place[labels[own]] = np.flatnonzero(own)
    colour = light.reshape(-1, 3)[place[labels]]
    return colour, np.asarray(not_behind & (distance <= reach), np.float32)


def _spread(colour: Array, alpha: Array, diameter: float, lens: RealLens) -> tuple[Array, Array]:
    """Premultiplied colour and coverage under the kernels of one diameter."""
    height, width = alpha.shape
    planes = np.dstack([colour * alpha[:, :, None], alpha])
    spread = np.zeros_like(planes)
    for share, field in _places(height, width):
        weighed = share * (alpha > 0)
        rows, columns = np.flatnonzero(weighed.any(axis=1)), np.flatnonzero(weighed.any(axis=0))
        if not rows.size:
            continue
        kernels = _trimmed(colour_psfs(lens, diameter, field))
        half = kernels.shape[-1] // 2
        top, bottom = max(rows[0] - half, 0), min(rows[-1] + 1 + half, height)
        left, right = max(columns[0] - half, 0), min(columns[-1] + 1 + half, width)
        box = np.s_[top:bottom, left:right]
        for plane, kernel in enumerate((*kernels, kernels[1])):
            part = np.ascontiguousarray(planes[box][:, :, plane] * share[box])
            spread[box][:, :, plane] += cv2.filter2D(
                part, -1, kernel[::-1, ::-1], borderType=cv2.BORDER_CONSTANT
            )
    return spread[:, :, :3], np.clip(spread[:, :, 3], 0, 1)


def _places(height: int, width: int) -> list[tuple[Array, tuple[float, float]]]:
    """Bilinear weights that sum to 1, each with its place in the field."""
    half = math.hypot(height - 1, width - 1) / 2
    found = []
    by_row, by_column = (
        np.maximum(1 - np.abs(np.linspace(0, n - 1, side)[None] - np.arange(n)[:, None]), 0)
        for n, side in zip(PLACES, (height, width), strict=True)
    )
    for j, row in enumerate(by_row):
        for i, column in enumerate(by_column):
            x = (i / (PLACES[1] - 1) - 0.5) * (width - 1) / half
            y = (j / (PLACES[0] - 1) - 0.5) * (height - 1) / half
            found.append((np.outer(row, column).astype(np.float32), (x, y)))
    return found


def _trimmed(kernels: NDArray[np.float64]) -> Array:
    half = kernels.shape[-1] // 2
    while half > 1:
        inner = kernels[:, 1:-1, 1:-1]
        if float(inner.sum(axis=(1, 2)).min()) < 1 - LOST:
            break
        kernels, half = inner, half - 1
    return np.asarray(kernels / kernels.sum(axis=(1, 2), keepdims=True), np.float32)
