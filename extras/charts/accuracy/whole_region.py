"""A second e-SFR for comparison, after another program, P. Burns' sfrmat5 (2023).

Whole-region windows (Hamming, Tukey), a polynomial of order 5, four bins per pixel."""

import math

import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import MtfCurve

Array = NDArray[np.float64]

ORDER = 5
BINS_PER_PX = 4


def whole_region_mtf(light: Array) -> MtfCurve:
    """MTF of an edge that runs from top to bottom of ``(H, W)`` linear light."""
    height, width = light.shape
    rows = np.arange(height)
    columns = np.arange(width)
    slopes = _slopes(light)
    centre = _edge_places(height, width, columns, slopes, rows)
    slope = float(np.polyfit(rows, centre, 1)[0])
    spread = _line_spread(light, centre)
    spread = spread * _tukey(spread)
    contrast = np.abs(np.fft.rfft(spread))
    frequencies = np.arange(len(contrast)) * BINS_PER_PX / len(spread)
    of_derivative = np.sinc(frequencies / 2).clip(0.1)
    corrected = contrast / contrast[0] / of_derivative
    cosine = math.cos(math.atan(slope))
    return MtfCurve(frequencies / cosine, corrected)


def _slopes(light: Array) -> Array:
    """Slope of the light along each row, positive at the edge."""
    slopes = np.zeros_like(light)
    slopes[:, 1:-1] = (light[:, 2:] - light[:, :-2]) / 2
    slopes *= np.sign(slopes.sum())
    return slopes


def _edge_places(
    height: int,
    width: int,
    columns: NDArray[np.int_],
    slopes: Array,
    rows: NDArray[np.int_],
) -> Array:
    """Column of the edge in each row, by a polynomial through windowed centroids."""
    centre = np.full(height, (width - 1) / 2)
    for order in (1, ORDER, ORDER):
        reach = np.maximum(centre, width - 1 - centre)[:, None]
        off = columns - centre[:, None]
        hamming = 0.54 + 0.46 * np.cos(np.pi * off / reach)
        weighted = slopes * hamming
        places = (weighted @ columns) / weighted.sum(axis=1)
        fit = np.polynomial.Polynomial.fit(rows, places, order)
        centre = fit(rows)
    return centre


def _line_spread(light: Array, centre: Array) -> Array:
    """Derivative of the edge in bins of a quarter pixel along the rows."""
    width = light.shape[1]
    count = width * BINS_PER_PX
    distance = np.arange(width)[None, :] - centre[:, None]
    bins = np.floor((distance + width / 2) * BINS_PER_PX)
    inside = (bins >= 0) & (bins < count)
    index = bins[inside].astype(np.intp)
    counts = np.bincount(index, minlength=count)
    sums = np.bincount(index, weights=light[inside], minlength=count)
    filled = np.flatnonzero(counts)
    means = sums[filled] / counts[filled]
    profile = np.interp(np.arange(count), filled, means)
    spread = np.zeros_like(profile)
    spread[1:-1] = (profile[2:] - profile[:-2]) / 2
    return spread


def _tukey(spread: Array) -> Array:
    """Tukey's window with a share of 1, on the middle of the line spread."""
    size = np.abs(spread)
    places = np.arange(len(spread))
    middle = float(size @ places / size.sum())
    reach = max(middle, len(spread) - 1 - middle)
    off = places - middle
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * off / reach))
