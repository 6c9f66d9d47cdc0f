"""PSFs by ray tracing: each point of the pupil maps to a point of the picture.

Light accumulates where rays cross, which gives caustics, bright rims and cores.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defocus.scene.pixels import framed, kernels_of
from defocus.scene.pupil import Pupil

__all__ = ["landings", "pupil_grid", "ray_psfs"]

Array = NDArray[np.float64]

FINENESS = 5
RAYS_PER_PX = 12
LEAST_SIDE, MOST_SIDE = 64, 384
PLASTIC = 1.32471795724474602596
"""The number whose cube is itself plus 1."""
TAIL = 3.0
"""Rays farther out than so many RMS distances are left out: a veil that would need huge kernels."""


@lru_cache(maxsize=64)
def pupil_grid(side: int) -> tuple[Array, Array]:
    """Evenly distributed points of the unit disc without a pattern, which would cause moiré.

    The result: x and y, each ``(R,)``.

    Source: the additive recurrence R2 of M. Roberts, The unreasonable effectiveness of
    quasirandom sequences, 2018; half as far from an exact disc as a jittered grid.
    """
    count = np.arange(1, side * side + 1)
    x, y = (2.0 * np.mod(0.5 + count / PLASTIC**power, 1.0) - 1.0 for power in (1, 2))
    inside = x * x + y * y <= 1.0
    return x[inside], y[inside]


def ray_psfs(
    pupil: Pupil,
    defocus_um: Sequence[float],
    lateral_px: Sequence[tuple[float, float]],
    radius_px: float,
) -> Array:
    """Make kernels by tracing rays: ``(C, K, K)``, K odd, each sums to 1."""
    side = int(np.clip(-(-radius_px * RAYS_PER_PX // 16) * 16, LEAST_SIDE, MOST_SIDE))
    x, y = pupil_grid(side)
    open_ = pupil.depth(x, y) >= 0.0
    right, down = landings(pupil, (x[open_], y[open_]), defocus_um, lateral_px)
    size = framed(_reach(right, down))
    fine = size * FINENESS
    column = np.floor((right + size / 2) * FINENESS).astype(np.intp)
    row = np.floor((down + size / 2) * FINENESS).astype(np.intp)
    colours = np.arange(len(right))[:, None]
    inside = (column >= 0) & (column < fine) & (row >= 0) & (row < fine)
    index = ((colours * fine + row) * fine + column)[inside]
    counts = np.bincount(index, minlength=len(right) * fine * fine)
    # where all rays fall on one sub-pixel it is off by up to half of its width
    centre = np.stack([(one * inside).sum(axis=1) for one in (right, down)], axis=1)
    centre /= inside.sum(axis=1, keepdims=True)
    return kernels_of(counts.reshape(-1, fine, fine).astype(np.float64), size, centre)


def landings(
    pupil: Pupil,
    rays: tuple[Array, Array],
    defocus_um: Sequence[float],
    lateral_px: Sequence[tuple[float, float]],
) -> tuple[Array, Array]:
    """Landing points of rays: 2 N dW/dx from the chief ray, W in µm and x in radii of the pupil.

    The result: x and y, each ``(C, R)``, px.
    """
    x, y = rays
    slope_x, slope_y = pupil.slopes(x, y)
    scale = 2.0 * pupil.lens.f_number / pupil.lens.pixel_pitch_um
    focus = 2.0 * np.asarray(defocus_um)[:, None]
    offset = np.asarray(lateral_px)
    right = scale * (slope_x + focus * x) + offset[:, :1]
    down = scale * (slope_y + focus * y) + offset[:, 1:]
    return right, down


def _reach(right: Array, down: Array) -> float:
    """Half-width of the square that holds the rays except a thin tail, px."""
    distance = np.maximum(np.abs(right), np.abs(down))
    spread = float(np.sqrt(np.square(distance).mean(axis=1).max()))
    return min(float(distance.max()), TAIL * spread)
