"""Conversion of sub-pixel light to kernels for pictures already sampled by pixels.

A picture is already averaged over its pixels' area, so a kernel that is averaged too would be too
soft near focus. Therefore light is band-limited to the pixel grid (Lanczos), and the nearest kernel
without negative values is taken; by Parseval's theorem this is also the nearest in the spectrum.
Finally it is tilted slightly to have the centroid of the light.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOBES = 3
MARGIN = 2
ROUNDS = 2
"""Of the tilt: where it would make a value negative, the first misses a little."""
TINY = 1e-12


def framed(reach_px: float) -> int:
    """Size of a kernel that holds light up to ``reach_px`` from its centre, as pixels see it."""
    return 2 * (math.ceil(reach_px) + MARGIN) + 1


def kernels_of(light: Array, size: int, centre: Array | None = None) -> Array:
    """Kernels of light on sub-pixels.

    The result: ``(C, K, K)``, >= 0, each sums to 1; K <= size, odd: dark borders are taken off."""
    fineness = light.shape[-1] // size
    gather = _gather(size, fineness)
    light = light / light.sum(axis=(1, 2), keepdims=True)
    if centre is None:
        places = (np.arange(size * fineness) + 0.5) / fineness - size / 2
        centre = np.stack([light.sum(axis=axis) @ places for axis in (1, 2)], axis=1)
    kernels = _centred(_without_negatives(gather @ light @ gather.T), centre)
    lit = np.flatnonzero(kernels.any(axis=(0, 1)) | kernels.any(axis=(0, 2)))
    border = int(min(lit[0], size - 1 - lit[-1]))
    return kernels[:, border : size - border, border : size - border]


@lru_cache(maxsize=64)
def _gather(size: int, fineness: int) -> Array:
    """Weight of each sub-pixel in each pixel, ``(size, size * fineness)``; columns sum to 1."""
    fine = (np.arange(size * fineness) + 0.5) / fineness - size / 2
    distance = np.arange(size)[:, None] - size // 2 - fine[None, :]
    weight = np.sinc(distance) * np.sinc(distance / LOBES) * (np.abs(distance) < LOBES)
    return np.asarray(weight / weight.sum(axis=0))


def _without_negatives(planes: Array) -> Array:
    """The nearest kernels (least squares) with values >= 0 and sum 1, ``(C, K, K)``.

    Source: J. Duchi et al., Efficient projections onto the l1-ball, ICML 2008, figure 1."""
    falling = -np.sort(-planes.reshape(len(planes), -1), axis=1)
    excess = (np.cumsum(falling, axis=1) - 1.0) / np.arange(1, falling.shape[1] + 1)
    last = (falling > excess).sum(axis=1) - 1
    return np.asarray(np.maximum(planes - excess[np.arange(len(planes)), last, None, None], 0.0))


def _centred(kernels: Array, centre: Array) -> Array:
    """Kernels times planes 1 + a + b x + c y that give them their centroids, sum 1."""
    count, size = kernels.shape[:2]
    basis, pairs = _basis(size)
    flat, wanted = kernels.reshape(count, -1), np.column_stack([np.ones(count), centre])
    for _ in range(ROUNDS):
        moments = (flat @ pairs).reshape(count, 3, 3) + TINY * np.eye(3)
        missing = wanted - flat @ basis.T
        plane = np.linalg.solve(moments, missing[:, :, None])[:, :, 0] @ basis
        flat = flat * np.maximum(1.0 + plane, 0.0)
    return np.reshape(flat / flat.sum(axis=1, keepdims=True), kernels.shape)


@lru_cache(maxsize=64)
def _basis(size: int) -> tuple[Array, Array]:
    """1, x and y at each pixel, ``(3, K * K)``, and all products of two, ``(K * K, 9)``."""
    steps = np.arange(size, dtype=np.float64) - size // 2
    y, x = (plane.ravel() for plane in np.meshgrid(steps, steps, indexing="ij"))
    basis = np.stack([np.ones_like(x), x, y])
    return basis, np.einsum("in,jn->nij", basis, basis).reshape(-1, 9)


def trimmed(kernels: Array, lost: float) -> NDArray[np.float32]:
    """``(C, K, K)`` kernels without dark borders, with at most that share of the light, sum 1."""
    while kernels.shape[-1] > 3:
        inner = kernels[:, 1:-1, 1:-1]
        if float(inner.sum(axis=(1, 2)).min()) < 1 - lost:
            break
        kernels = inner
    return np.asarray(kernels / kernels.sum(axis=(1, 2), keepdims=True), np.float32)
