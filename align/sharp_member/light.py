"""Light that fell on one member alone: bands of lamps, a shadow, something in a corner."""

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Mask, Singles, Size
from defocus.align.sharp_member.compared import Compared

STRIPS = 4
"""Number of upright strips of the picture. Lamps make the same bands in all of them."""
LEAST_CYCLES = 2.0
"""Number of times that the widest bands which are looked for fit into the picture."""
SHORTEST_PX = 10.0
"""Distance of the narrowest bands that are looked for, px."""
MOST_STOPS = 0.5
"""Ratios of light above this many stops count as this many: they come from edges that the blur map
misses."""
TREND = 3
"""Degree of the polynomial over the rows that is taken off. Vignetting and shadows are wider than
bands."""
LEAST_OF_ROW = 0.05
"""Least share of comparable pixels by which the sum over one row of a strip is divided."""
LEAST_OF_STRIP = 0.1
"""Least share of comparable pixels at which that row counts."""
PADDED = 4
"""Factor by which the spectrum is zero-padded, so that bands need not fit the picture a whole
number of times."""
BACKGROUND = 0.75
"""Quantile of the spectrum that counts as its background."""
OVER_BACKGROUND = 2.0
"""Multiple of the background that is subtracted from a peak."""

GRID = (6, 8)
"""Rows and columns of blocks whose mean light is compared for a shadow."""
LEAST_SHARE = 0.3
"""Least share of a block, or of a corner, that must be comparable."""
MOST_SHADE = 2.0
"""Ratios of light above this many stops count as this many."""
EDGES = (0.05, 0.95)
"""Quantiles of the blocks between which the light ranges."""
CORNER = 0.16
"""A corner is a triangle: its sides are this share of the sides of the picture."""
BLACK = 0.01
"""Light, as a share of white, that is added before a ratio is taken: near black a ratio means
nothing."""


def bands_ev(pair: Compared) -> float:
    """Amplitude of the strongest sine over the rows that all strips of the picture share, EV."""
    profiles = _row_profiles(pair)
    rows = profiles.shape[1]
    if rows < 4 * SHORTEST_PX:
        return 0.0
    window = np.hanning(rows)
    shared = _shared_power(profiles * window)
    first = round(PADDED * LEAST_CYCLES)
    last = round(PADDED * rows / SHORTEST_PX)
    tried = shared[first:last]
    usual = float(np.quantile(tried, BACKGROUND))
    background = OVER_BACKGROUND * usual
    power = max(float(tried.max()) - background, 0.0)
    amplitude = 2 * float(np.sqrt(power))
    return amplitude / float(window.sum())


def _shared_power(profiles: Doubles) -> Doubles:
    """Mean product of the spectra of two different strips: what they do not share cancels."""
    length = PADDED * profiles.shape[1]
    spectra = np.fft.rfft(profiles, length, axis=1)
    power_of_sum = np.abs(spectra.sum(axis=0)) ** 2
    powers = np.abs(spectra) ** 2
    product = power_of_sum - powers.sum(axis=0)
    pairs_of_strips = STRIPS * (STRIPS - 1)
    mean = product / pairs_of_strips
    return np.asarray(np.maximum(mean, 0))


def _row_profiles(pair: Compared) -> Doubles:
    """``(4, H)`` mean stops of each row of each strip, without a trend."""
    size = (STRIPS, pair.stops.shape[0])
    sums, shares = _sums_and_shares(pair, MOST_STOPS, size)
    counted_shares = np.maximum(shares, LEAST_OF_ROW)
    means = np.asarray(sums / counted_shares, np.float64)
    profiles = []
    for mean, share in zip(means.T, shares.T, strict=True):
        seen = share > LEAST_OF_STRIP
        profiles.append(_without_trend(mean, seen))
    return np.stack(profiles)


def _sums_and_shares(
    pair: Compared,
    most_stops: float,
    size: Size,
) -> tuple[Singles, Singles]:
    """Sums of the stops over blocks of the picture, per pixel, and shares of pixels that count.

    ``size`` is the number of blocks across and down."""
    counted = pair.usable.astype(np.float32)
    stops = np.clip(pair.stops, -most_stops, most_stops)
    sums = cv2.resize(stops * counted, size, interpolation=cv2.INTER_AREA)
    shares = cv2.resize(counted, size, interpolation=cv2.INTER_AREA)
    return np.asarray(sums), np.asarray(shares)


def _without_trend(
    profile: Doubles,
    seen: Mask,
) -> Doubles:
    """A profile without its polynomial; 0 where it was not seen."""
    level = np.zeros_like(profile)
    if seen.sum() <= TREND:
        return level
    places = np.linspace(-1, 1, len(profile))
    polynomial = np.polynomial.polynomial
    coefficients = polynomial.polyfit(places[seen], profile[seen], TREND)
    trend = polynomial.polyval(places, coefficients)
    left = profile - trend
    level[seen] = left[seen]
    return level


def shade_ev(pair: Compared) -> float:
    """Half the range of the light over blocks of the picture, EV: a cloud, a shadow."""
    rows, columns = GRID
    sums, shares = _sums_and_shares(pair, MOST_SHADE, (columns, rows))
    known = shares > LEAST_SHARE
    if known.mean() < LEAST_SHARE:
        return 0.0
    means = sums[known] / shares[known]
    low, high = np.quantile(means, EDGES)
    return float(high - low) / 2


def corner_ev(pair: Compared) -> float:
    """How much one corner differs from the other three, EV: a strap, a finger, a hood.

    Vignetting is alike in all corners and makes no difference."""
    ratios = _corner_ratios_ev(pair)
    if len(ratios) < 4:
        return 0.0
    others = []
    for corner in range(4):
        rest = np.delete(ratios, corner)
        others.append(float(np.median(rest)))
    apart = np.abs(np.subtract(ratios, others))
    return float(apart.max())


def _corner_ratios_ev(pair: Compared) -> list[float]:
    """Measured over predicted light of each corner that has enough lit pixels, EV."""
    height, width = pair.blurry.shape
    rows = slice(0, 1, complex(height))
    columns = slice(0, 1, complex(width))
    y, x = np.ogrid[rows, columns]
    least = LEAST_SHARE * CORNER**2 / 2 * pair.blurry.size
    ratios = []
    for across in (x, 1 - x):
        for down in (y, 1 - y):
            place = (across + down < CORNER) & pair.lit
            if place.sum() <= least:
                continue
            blurry = pair.blurry[place].mean()
            predicted = pair.predicted[place].mean()
            ratio = (blurry + BLACK) / (predicted + BLACK)
            ratios.append(float(np.log2(ratio)))
    return ratios
