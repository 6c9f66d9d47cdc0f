"""Contrast of a Siemens star ring by ring, with the sign of its phase.

Beyond a blur's first zero black and white are exchanged; a wrong sign is invented detail."""

import math

import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import MtfCurve
from defocus.errors import ImageError

Array = NDArray[np.float64]

SQUARE_WAVE = 4.0 / math.pi
"""First harmonic of a star of black and white sectors, relative to that of a sine star."""
LEAST_RADIUS_PX = 4.0


def star_mtf(
    light: Array,
    x: Array,
    y: Array,
    cycles: int,
    contrast: float,
) -> MtfCurve:
    """The signed transfer function from a star's pixels, negative where the phase is turned.

    It ends at 0.5 cycles per pixel; the star is brightest at ``y = 0, x > 0``, y being downwards.
    """
    radius = np.hypot(x, y)
    edges = _ring_edges(x, y, cycles)
    ring = np.digitize(radius.ravel(), edges) - 1
    count = len(edges) - 1
    used = np.flatnonzero((ring >= 0) & (ring < count))
    rings = ring[used]
    phase = cycles * np.arctan2(y, x).ravel()[used]
    mean, cosine, sine = _waves_of_rings(light.ravel()[used], phase, rings, count)
    values = np.copysign(np.hypot(cosine, sine), cosine) / mean / contrast
    radii = _mean_radii(rings, radius.ravel()[used], count)
    frequencies = cycles / (2 * math.pi * radii)
    return MtfCurve(frequencies[::-1], np.asarray(values[::-1]))


def _mean_radii(rings: NDArray[np.intp], radius: Array, count: int) -> Array:
    """Mean radius of the pixels of each ring, px."""
    sums = np.bincount(rings, radius, count)
    return np.asarray(sums / np.bincount(rings, minlength=count))


def _ring_edges(x: Array, y: Array, cycles: int) -> Array:
    """Radii, px, between which the star is measured, ring by ring."""
    largest = min(-x.min(), x.max(), -y.min(), y.max())
    smallest = max(cycles / math.pi, LEAST_RADIUS_PX)
    if largest < smallest + 2:
        raise ImageError(
            f"{largest:.0f} px radius is too little for {cycles} cycles; come nearer"
        )
    return np.arange(math.ceil(smallest), math.floor(largest) + 1)


def _waves_of_rings(
    light: Array,
    phase: Array,
    rings: NDArray[np.intp],
    count: int,
) -> Array:
    """``(3, count)``: mean, cosine and sine in each ring, by least squares."""
    waves = np.stack([np.ones(len(phase)), np.cos(phase), np.sin(phase)])
    products = np.empty((count, 3, 3))
    sums = np.empty((count, 3))
    for i in range(3):
        sums[:, i] = np.bincount(rings, waves[i] * light, count)
        for j in range(3):
            products[:, i, j] = np.bincount(rings, waves[i] * waves[j], count)
    return np.asarray(np.linalg.solve(products, sums[:, :, None])[:, :, 0].T)
