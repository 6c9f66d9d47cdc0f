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
    padded = np.abs(np.fft.rfft(spread))
    frequencies = np.arange(len(padded)) * BINS_PER_PX / len(spread)
    corrected = padded / padded[0] / np.sinc(frequencies / 2).clip(0.1)
    return MtfCurve(frequencies / math.cos(math.atan(slope)), corrected)


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
        hamming = 0.54 + 0.46 * np.cos(np.pi * (columns - centre[:, None]) / reach)
        weighted = slopes * hamming
        places = (weighted @ columns) / weighted.sum(axis=1)
        fit = np.polynomial.Polynomial.fit(rows, places, order)
        centre = fit(rows)
    return centre


def _line_spread(light: Array, centre: Array) -> Array:
    """Derivative of the edge in bins of a quarter pixel along the rows."""
    width = light.shape[1]
    bins = np.floor(
        (np.arange(width)[None, :] - centre[:, None] + width / 2) * BINS_PER_PX
    )
    inside = (bins >= 0) & (bins < width * BINS_PER_PX)
    index = bins[inside].astype(np.intp)
    counts = np.bincount(index, minlength=width * BINS_PER_PX)
    sums = np.bincount(index, weights=light[inside], minlength=width * BINS_PER_PX)
    filled = np.flatnonzero(counts)
    profile = np.interp(np.arange(len(counts)), filled, sums[filled] / counts[filled])
    spread = np.zeros_like(profile)
    spread[1:-1] = (profile[2:] - profile[:-2]) / 2
    return spread


def _tukey(spread: Array) -> Array:
    """Tukey's window with a share of 1, on the middle of the line spread."""
    middle = float(np.abs(spread) @ np.arange(len(spread)) / np.abs(spread).sum())
    reach = max(middle, len(spread) - 1 - middle)
    return np.asarray(
        0.5 + 0.5 * np.cos(np.pi * (np.arange(len(spread)) - middle) / reach)
    )
