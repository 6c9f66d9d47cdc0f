"""From light on sub-pixels to a kernel for pictures that have been through pixels already.

Light that is counted in pixels is averaged over their area a second time when such a kernel meets
a picture, and near focus that is too soft. So light is filtered to what pixels can hold (Lanczos),
and the nearest kernel without negative values is taken. By Parseval's theorem that is also the
nearest in the spectrum.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["kernels_of"]

Array = NDArray[np.float64]

LOBES = 2


def kernels_of(light: Array, size: int) -> Array:
    """Kernels of light on sub-pixels.

    Args:
        light: ``(C, size * F, size * F)``, >= 0, F odd.
        size: Of the kernels, odd.

    Returns:
        ``(C, size, size)``, >= 0, each sums to 1.
    """
    gather = _gather(size, light.shape[-1] // size)
    planes = gather @ light @ gather.T
    return np.stack([_without_negatives(plane / plane.sum()) for plane in planes])


@lru_cache(maxsize=256)
def _gather(size: int, fineness: int) -> Array:
    """What each pixel takes of each sub-pixel, ``(size, size * fineness)``; columns sum to 1."""
    fine = (np.arange(size * fineness) + 0.5) / fineness - size / 2
    distance = np.arange(size)[:, None] - size // 2 - fine[None, :]
    weight = np.sinc(distance) * np.sinc(distance / LOBES) * (np.abs(distance) < LOBES)
    return np.asarray(weight / weight.sum(axis=0))


def _without_negatives(kernel: Array) -> Array:
    """The nearest point (least squares) with values >= 0 that sum to 1.

    Source: the projection onto the simplex, J. Duchi et al., Efficient projections onto the
    l1-ball, ICML 2008, figure 1.
    """
    if kernel.min() >= 0:
        return kernel
    falling = np.sort(kernel, axis=None)[::-1]
    excess = (np.cumsum(falling) - 1.0) / np.arange(1, falling.size + 1)
    last = int(np.flatnonzero(falling > excess)[-1])
    return np.maximum(kernel - excess[last], 0.0)
