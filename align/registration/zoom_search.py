"""Zoom and shift of two whole frames, where nothing is known of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.level import moved_picture
from defocus.align.registration.tile_shifts import most_alike_shifts, tiled
from defocus.scene.geometry import Similarity

SEARCH_BAND = 0.06
"""Width of the frequencies of the search, cycles per pixel: the first zero of a disc of 20 px is
there."""

Array = NDArray[np.float64]
Grey = NDArray[np.float32]


def zoom_and_shift(blurry: Grey, sharp: Grey, zooms: Sequence[float], largest: float) -> Array:
    """Find zoom and shift with the highest correlation of the whole frames."""
    height, width = blurry.shape
    best, best_matrix = -1.0, np.eye(3)
    first = tiled(np.sqrt(blurry), (height, width), (1, 1), SEARCH_BAND)
    for zoom in zooms:
        matrix = np.vstack([Similarity(zoom=zoom).matrix(width, height), [0.0, 0.0, 1.0]])
        second = np.sqrt(moved_picture(sharp, matrix))
        tile = most_alike_shifts(first, [second], largest=largest)
        if tile.peaks[0] > best:
            step = np.eye(3)
            step[:2, 2] = tile.shifts[0]
            best, best_matrix = float(tile.peaks[0]), matrix @ step
    return best_matrix
