"""The noise of a picture by brightness, from the picture alone."""

import numpy as np
from numpy.typing import NDArray

BLOCK_PX = 8
BINS = 8
LEAST_BLOCKS = 24
QUIET_QUANTILE = 0.05
"""The blocks with the least change from pixel to pixel have no texture, but all of the noise."""
MOST_NOISE = 0.02
"""Standard deviation, of white; what is more is the subject and not a camera's noise."""

Array = NDArray[np.float32]


def noise_by_brightness(picture: Array) -> NDArray[np.float64]:
    """Standard deviation of the noise, ``(8,)``, by brightness; at most :data:`MOST_NOISE`."""
    # By the diagonal differences in squares of 2 x 2 px: they see little of edges, and too little
    # of noise that neighbours share. A brightness with too few blocks has the noise of all.
    side = BLOCK_PX // 2
    rows, columns = (2 * side * (length // (2 * side)) for length in picture.shape[:2])
    if rows == 0 or columns == 0:
        return np.zeros(BINS)
    part = picture[:rows, :columns]
    corners = part[0::2, 0::2] - part[0::2, 1::2] - part[1::2, 0::2] + part[1::2, 1::2]
    power = _block_means(np.square(corners).mean(axis=2) / 4, side)
    brightness = _block_means(part[0::2, 0::2].mean(axis=2), side)
    deviations = np.sqrt(power)
    whole = float(np.quantile(deviations, QUIET_QUANTILE))
    bins = np.minimum((brightness * BINS).astype(int), BINS - 1)
    levels = np.full(BINS, whole)
    for one in range(BINS):
        inside = deviations[bins == one]
        if inside.size >= LEAST_BLOCKS:
            levels[one] = np.quantile(inside, QUIET_QUANTILE)
    return np.asarray(np.minimum(levels, MOST_NOISE))


def noise_of(brightness: NDArray[np.floating], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The noise at some brightnesses, between those of :func:`noise_by_brightness`."""
    centres = (np.arange(BINS) + 0.5) / BINS
    return np.asarray(np.interp(brightness, centres, levels))


def _block_means(values: Array, side: int) -> Array:
    rows, columns = (length // side for length in values.shape)
    blocks = values.reshape(rows, side, columns, side)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
