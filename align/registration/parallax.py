"""Scatter of tiles around a transform: alike in all directions, or along one (parallax)."""

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.models import DisplacementScatter

__all__ = [
    "CLEARLY_MORE",
    "FIRST_EXTRA_PX",
    "INLIER_PX",
    "LEAST_EXTRA_PX",
    "distances_px",
    "scatter_of",
]

Array = NDArray[np.float64]

INLIER_PX = 0.7
FIRST_EXTRA_PX, LEAST_EXTRA_PX = 0.2, 0.02
"""Scatter of all tiles beyond their errors (parallax): at first, and at least."""
LARGEST_PARALLAX_PX = 2.5
"""Tiles that parallax moves by up to this either way agree; a layer farther off is outvoted."""
DIRECTIONS = 18
"""In which a parallax is looked for, over half a turn."""
CLEARLY_MORE = 1.1
"""So many times the tiles have to agree before a fit begins with an asymmetry or has a parallax."""


def scatter_of(apart: Array, errors: Array, before: DisplacementScatter) -> DisplacementScatter:
    """Scatter of the agreeing tiles, along and across the direction in which they are close."""
    angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    along = np.stack([np.cos(angles), np.sin(angles)])
    across = np.stack([-along[1], along[0]])
    close = np.linalg.norm(apart, axis=1) <= INLIER_PX
    band = (np.abs(apart @ across) <= INLIER_PX) & (np.abs(apart @ along) <= LARGEST_PARALLAX_PX)
    # a blurred tile lies far off by its own error: what it says of parallax counts as little
    telling = 1 / (np.square(errors) + FIRST_EXTRA_PX**2)
    counts = telling @ band
    best = int(counts.argmax())
    if counts[best] <= CLEARLY_MORE * telling @ close:
        if not close.any():
            return before
        squares = np.square(apart[close]).mean(axis=1) - np.square(errors[close])
        # sharp tiles tell what all scatter by; blurred ones would drown it in their errors
        sure = 1 / np.square(np.square(errors[close]) + np.mean(before.variances))
        variance = max(float(np.average(squares, weights=sure)), LEAST_EXTRA_PX**2)
        return DisplacementScatter(np.eye(2), (variance, variance))
    keep = band[:, best]
    values, vectors = np.linalg.eigh(apart[keep].T @ apart[keep] / keep.sum())
    least, most = np.maximum(values - np.square(errors[keep]).mean(), LEAST_EXTRA_PX**2)
    return DisplacementScatter(vectors.T[::-1], (float(most), float(least)), parallax=True)


def distances_px(apart: Array, scatter: DisplacementScatter) -> Array:
    """Distances in px across a parallax, and relative to its scatter along it."""
    if not scatter.parallax:
        return np.asarray(np.linalg.norm(apart, axis=1))
    along, across = (apart @ scatter.axes.T).T
    return np.asarray(np.hypot(along * INLIER_PX / LARGEST_PARALLAX_PX, across))
