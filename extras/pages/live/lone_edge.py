"""Whether a region holds one edge only: a second one raises or lowers the MTF of the first."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter
from scipy.signal import find_peaks

from defocus.edges.edge_line import fit_edge_line, upright
from defocus.edges.linear_light import grey_of
from defocus.errors import ImageError

Array = NDArray[np.float64]

BINS_PER_PX = 2
SMOOTHED_PX, SMOOTHED_PER_RISE = 0.7, 0.05
"""Blur with which a profile is smoothed, px and as a share of its rise: noise has steps too."""
LOW = 0.1
"""Share of the range that is left out at both ends of the rise."""
VALLEY = 0.75
"""Two edges are separate if the slope between them is below this share of the lesser edge's
slope."""
SECOND = 0.25
"""Largest step of a second edge over that of the first; the rim of a sharpened edge has less."""
PATCH_PX = 5
OFF = 0.3
"""Largest difference of a patch from the patches at the same distance along the edge, over the
step."""


class SeveralEdgesError(ImageError):
    """A region holds more than one edge."""


def require_one_edge(light: Array) -> None:
    """Refuse a region of linear light in which more than one edge runs."""
    # The light must depend on the distance from the fitted edge alone, and rise or fall once.
    region, _ = upright(light)
    grey = region if region.ndim == 2 else grey_of(region)
    line = fit_edge_line(grey)
    distance = line.distances(grey.shape[1])
    places, profile = _profile(grey, distance)
    steps = _steps(profile)
    step = steps.max(initial=0.0)
    expected = np.interp(distance, places, profile)
    off = uniform_filter(grey - expected, PATCH_PX)
    large = (steps > SECOND * step).sum()
    if large > 1 or np.abs(off).max() > OFF * step:
        raise SeveralEdgesError(
            "more than one edge in the region; give one with a single edge"
        )


def _profile(grey: Array, distance: Array) -> tuple[Array, Array]:
    """Distances from the edge, half a pixel apart, and the mean light there."""
    bins = np.floor(distance * BINS_PER_PX).astype(np.intp).ravel()
    bins -= bins.min()
    counts = np.bincount(bins)
    filled = np.flatnonzero(counts >= 0.3 * np.median(counts))
    sums = np.bincount(bins, weights=grey.ravel())
    light = sums[filled] / counts[filled]
    first = np.floor(distance.min() * BINS_PER_PX)
    places = (filled + first + 0.5) / BINS_PER_PX
    return places, light


def _steps(profile: Array) -> Array:
    """Heights of the parts of a profile, cut where its slope has a valley."""
    low, high = np.quantile(profile, (0.05, 0.95))
    share = (profile - low) / max(high - low, 1e-9)
    rising = (share > LOW) & (share < 1 - LOW)
    rise = float(rising.sum())
    width = SMOOTHED_PX * BINS_PER_PX + SMOOTHED_PER_RISE * rise
    smooth = gaussian_filter1d(profile, width)
    size = np.pad(np.abs(np.diff(smooth)), 1)
    peaks, properties = find_peaks(size, prominence=0.0)
    clear = properties["prominences"] >= (1 - VALLEY) * size[peaks]
    cuts = [0, *_valleys(size, peaks[clear]), len(smooth) - 1]
    return np.asarray(np.abs(np.diff(smooth[cuts])))


def _valleys(size: Array, peaks: NDArray[np.intp]) -> list[int]:
    """Where a slope is smallest between each two neighbouring peaks."""
    valleys = []
    for first, second in pairwise(peaks.tolist()):
        lowest = int(np.argmin(size[first:second]))
        valleys.append(first + lowest)
    return valleys
