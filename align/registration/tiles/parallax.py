"""Scatter of tiles around a transform: alike in all directions, or along one (parallax)."""

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.models import DisplacementScatter

__all__ = [
    "CLEARLY_MORE",
    "FIRST_EXTRA_PX",
    "INLIER_PX",
    "LEAST_EXTRA_PX",
    "LEAST_SLOPE_GAIN",
    "depth_parallax",
    "distances_px",
    "scatter_of",
    "trusted",
]

Array = NDArray[np.float64]

INLIER_PX = 0.7
FIRST_EXTRA_PX, LEAST_EXTRA_PX = 0.2, 0.02
"""Scatter of all tiles beyond their errors (parallax): at first, and at least."""
LARGEST_PARALLAX_PX = 2.5
"""Tiles that parallax moves by up to this either way agree; a layer farther off is outvoted."""
DIRECTIONS = 18
"""In which a parallax is looked for, over half a turn."""
SLOPE = 0.06
"""Standard deviation of the parallax over the circle of confusion, px per px: pairs of "choose" are
as exact with half and twice of it."""
SLOPE_ROUNDS = 8
SIGNIFICANT = 2.0
"""So many standard errors a slope has to differ from none: with 3 the pairs of "choose" gain half
as much, with 0 real-like pairs without parallax lose."""
LEAST_SLOPE_GAIN = 0.95
"""What that parallax has to make of the squared error with which left-out parts are predicted."""
HUBER = 2.0
"""Standard deviations beyond which a tile that agrees counts less, in proportion."""
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
    if most == LEAST_EXTRA_PX**2:  # their own errors explain how far apart these tiles lie
        return DisplacementScatter(np.eye(2), (float(most), float(least)))
    return DisplacementScatter(vectors.T[::-1], (float(most), float(least)), parallax=True)


def distances_px(apart: Array, scatter: DisplacementScatter) -> Array:
    """Distances in px across a parallax, and relative to its scatter along it."""
    if not scatter.parallax:
        return np.asarray(np.linalg.norm(apart, axis=1))
    along, across = (apart @ scatter.axes.T).T
    return np.asarray(np.hypot(along * INLIER_PX / LARGEST_PARALLAX_PX, across))


def trusted(apart: Array, errors: Array, scatter: DisplacementScatter) -> Array:
    """``(N,)``: 1, or less in proportion to how far off a tile lies (Huber)."""
    variances = np.square(errors)[:, None] + scatter.variances
    off = np.sqrt((np.square(apart @ scatter.axes.T) / variances).sum(axis=1))
    return np.asarray(np.minimum(1.0, HUBER / np.maximum(off, 1e-9)))


def depth_parallax(
    first: Array, second: Array, coc_px: Array, errors: Array, overlap: float
) -> Array:
    """The parallax that grows with the blur, ``(N, 2)`` px: both are linear in inverse depth.

    Sharp tiles before a blurred background err alike; a focus in mid-scene is missed. Zero if none.
    """
    centre = first.mean(axis=0)
    x, y = ((first - centre) / max(float(np.ptp(first)), 1.0)).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    coc = coc_px - np.average(coc_px, weights=1 / np.square(errors))
    across = np.stack([one, zero, x, -y, coc, zero], axis=1)
    down = np.stack([zero, one, y, x, zero, coc], axis=1)
    design, moved = np.stack([across, down], axis=1), second - first
    prior = np.diag([0.0, 0.0, 0.0, 0.0, 1.0, 1.0]) * overlap / SLOPE**2
    counts, variances = np.ones_like(x), np.square(errors) + FIRST_EXTRA_PX**2
    for step in range(SLOPE_ROUNDS):
        weights = counts / variances
        normal = np.einsum("nip,n,niq->pq", design, weights, design) + prior
        found = np.linalg.pinv(normal) @ np.einsum("nip,n,ni->p", design, weights, moved)
        apart = np.linalg.norm(design @ found - moved, axis=1)
        # a layer farther off than parallax reaches is outvoted, at first a near one is not
        limit = LARGEST_PARALLAX_PX * 0.5 ** min(step, 2)
        off = apart / np.sqrt(variances)
        counts = (apart <= limit) * np.minimum(1.0, HUBER / np.maximum(off, 1e-9))
    # what the tiles tell of the slope beside the similarity; overlapping tiles err alike
    covariance = overlap * np.linalg.pinv(normal)[4:, 4:]
    slope = found[4:]
    sure = slope @ np.linalg.solve(covariance, slope) > SIGNIFICANT**2
    return np.asarray(coc[:, None] * slope if sure else np.zeros_like(moved))
