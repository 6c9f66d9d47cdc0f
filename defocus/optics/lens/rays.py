"""Kernels of rays: each point of the pupil throws its light to a place of its own.

Where rays cross, light piles up: caustics, bright rims and cores come of themselves.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defocus.optics.lens.pixels import kernels_of
from defocus.optics.lens.pupil import Pupil

__all__ = ["pupil_grid", "ray_psfs"]

Array = NDArray[np.float64]

FINENESS = 5
RAYS_PER_PX = 12
LEAST_SIDE, MOST_SIDE = 64, 512
TAIL = 4.0
"""Rays farther out than so many RMS distances are left out: a veil that would need huge kernels."""


@lru_cache(maxsize=64)
def pupil_grid(side: int) -> tuple[Array, Array, Array, Array]:
    """Places of the unit disc, one at random in each cell of a square grid, always the same.

    Args:
        side: Cells over the diameter.

    Returns:
        x, y, and for each place two numbers in (-0.5, 0.5), even and independent.
    """
    raw = np.random.PCG64(side).random_raw(4 * side * side).reshape(4, side, side)
    jitter = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    cells = np.arange(side)
    x = (cells[None, :] + jitter[0]) * 2.0 / side - 1.0
    y = (cells[:, None] + jitter[1]) * 2.0 / side - 1.0
    inside = x * x + y * y <= 1.0
    dither = jitter[2:] - 0.5
    return x[inside], y[inside], dither[0][inside], dither[1][inside]


def ray_psfs(
    pupil: Pupil,
    defocus_um: Sequence[float],
    lateral_px: Sequence[tuple[float, float]],
    radius_px: float,
) -> Array:
    """Kernels of light that goes by rays.

    Args:
        pupil: Of the place in the field.
        defocus_um: W020 of each colour, µm.
        lateral_px: Where the chief ray of each colour lands, (x, y).
        radius_px: About how far rays go; decides how many there are.

    Returns:
        ``(C, K, K)``, K odd, each sums to 1.
    """
    side = int(np.clip(-(-radius_px * RAYS_PER_PX // 16) * 16, LEAST_SIDE, MOST_SIDE))
    x, y, dither_x, dither_y = pupil_grid(side)
    open_ = pupil.depth(x, y) >= 0.0
    x, y = x[open_], y[open_]
    slope_x, slope_y = pupil.slopes(x, y)
    # transverse shift = 2 N dW/dx in µm, W in µm and x in radii
    scale = 2.0 * pupil.lens.f_number / pupil.lens.pixel_pitch_um
    focus = 2.0 * np.asarray(defocus_um)[:, None]
    offset = np.asarray(lateral_px)
    right = scale * (slope_x + focus * x) + offset[:, :1]
    down = scale * (slope_y + focus * y) + offset[:, 1:]
    size = 2 * int(np.ceil(_reach(right, down))) + 1
    fine = size * FINENESS
    column = np.floor((right + size / 2) * FINENESS + dither_x[open_] + 0.0).astype(np.intp)
    row = np.floor((down + size / 2) * FINENESS + dither_y[open_] + 0.0).astype(np.intp)
    colours = np.arange(len(focus))[:, None]
    inside = (column >= 0) & (column < fine) & (row >= 0) & (row < fine)
    index = ((colours * fine + row) * fine + column)[inside]
    counts = np.bincount(index, minlength=len(focus) * fine * fine)
    return kernels_of(counts.reshape(-1, fine, fine).astype(np.float64), size)


def _reach(right: Array, down: Array) -> float:
    """Half-width of the square that holds the rays but for a thin tail, px."""
    distance = np.maximum(np.abs(right), np.abs(down))
    spread = float(np.sqrt(np.square(distance).mean(axis=1).max()))
    return min(float(distance.max()), TAIL * spread)
