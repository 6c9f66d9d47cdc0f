"""Exposure of the blurry picture relative to the sharp one, with vignetting."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Mask, Shape, Singles
from defocus.align.sampling.pyramid import reduced_area, smoothed

WINDOW_PX = 12.0
"""Width (sigma) of the windows whose means are compared, px. Blur does not change the mean of an
area larger than itself."""
STRIDE = 4
SATURATED = 0.95
DARK = 0.004
LEAST_PLACES = 50
ROUNDS = 5
SLACK = 1e-3

LEAST_EV = 0.1
"""Least variation of the fitted light, EV (median distance from its median), at which vignetting is
removed, because it can look like a coma. Pictures with 0.74 EV at the corners have about this much
and are registered as they are; frames of stacks against a merged picture have up to 0.06 without
vignetting."""


def light_ratio(blurry: Singles, sharp: Singles, valid: Mask) -> Singles:
    """Linear blurry over sharp light: gain and smooth vignetting; all 1 if hardly comparable.

    A second-degree polynomial in the logarithm and the fourth power of the radius, fitted robustly.
    """
    fall = _fall(blurry, sharp, valid)
    if fall is None:
        return np.ones_like(blurry)
    return np.exp(_evaluated(fall, valid.shape))


def evenly_lit(
    picture: Singles,
    blurry: Singles,
    sharp: Singles,
    valid: Mask,
) -> Singles:
    """A blurry picture without its vignetting, measured in the reduced ``blurry``, ``sharp``."""
    fall = _fall(blurry, sharp, valid)
    if fall is None:
        return picture
    fall[0] = 0.0  # the exposure stays
    seen = _evaluated(fall, valid.shape)
    from_median = np.abs(seen - np.median(seen))
    scatter = np.median(from_median)
    if scatter < LEAST_EV * np.log(2):
        return picture
    return picture * np.exp(-_evaluated(fall, picture.shape))


def vignetting_ev(blurry: Singles, sharp: Singles, valid: Mask) -> float | None:
    """Light that the blurry picture lacks in its corners against the sharp one, EV, or None."""
    fall = _fall(blurry, sharp, valid)
    if fall is None:
        return None
    evaluated = _evaluated(fall, valid.shape)
    last_row = valid.shape[0] - 1
    last_column = valid.shape[1] - 1
    corners = evaluated[::last_row, ::last_column]
    fall_of_corners = fall[0] - corners.mean()
    return float(fall_of_corners / np.log(2))


def _fall(blurry: Singles, sharp: Singles, valid: Mask) -> Doubles | None:
    """``(7,)`` terms of the logarithm of the ratio; None if hardly anything can be compared."""
    weight = valid.astype(np.float32)
    near_spoilt = _near_saturated(blurry, sharp, valid)
    shown = _window_means(weight)
    total = shown + np.float32(1e-3)
    first = _window_means(blurry * weight) / total
    second = _window_means(sharp * weight) / total
    good = np.minimum(first, second) > DARK
    good &= shown > 0.7
    good &= near_spoilt <= 0.05
    if good.sum() < LEAST_PLACES:
        return None
    first_light = np.maximum(first, 1e-4)
    second_light = np.maximum(second, 1e-4)
    ratio = np.log(first_light / second_light)
    terms = _polynomial_terms(valid, good, weight, total)
    prior = 1e-6 * np.eye(len(terms))
    return cauchy_fit(terms.T, ratio[good], prior, SLACK, ROUNDS)


def _near_saturated(blurry: Singles, sharp: Singles, valid: Mask) -> Singles:
    """Share of saturated pixels in the window around each place."""
    brighter = np.maximum(blurry, sharp)
    spoilt = (brighter >= SATURATED) & valid
    return _window_means(spoilt.astype(np.float32))


def _polynomial_terms(
    valid: Mask,
    good: Mask,
    weight: Singles,
    total: Singles,
) -> Doubles:
    """``(7, n)``: the terms at each place, from 1 to the fourth power of the radius."""
    x, y = _places(good.shape, valid.shape)
    small = reduced_area(weight, STRIDE)
    counted = total[good]
    # at a border the window has its centre farther in
    across = _smoothed(small * x[None])[good]
    down = _smoothed(small * y[:, None])[good]
    xx = across / counted
    yy = down / counted
    squared = xx * xx + yy * yy
    return np.stack(
        [
            np.ones_like(xx),
            xx,
            yy,
            xx * xx,
            xx * yy,
            yy * yy,
            squared**2,
        ]
    )


def _window_means(values: Singles) -> Singles:
    """Means in the windows around the places of the grid."""
    return _smoothed(reduced_area(values, STRIDE))


def _smoothed(reduced: Singles) -> Singles:
    return smoothed(reduced, WINDOW_PX / STRIDE)


def _places(shape: Shape, frame: Shape) -> tuple[Singles, Singles]:
    """``(w,)`` and ``(h,)`` of a grid over the frame, from its centre, in half widths."""
    rows, columns = shape
    height, width = frame
    x = _from_centre(columns, 2 * width / width)
    y = _from_centre(rows, 2 * height / width)
    return x, y


def _from_centre(count: int, extent: float) -> Singles:
    """Centres of that many places over an extent, from its middle."""
    shares = (np.arange(count) + 0.5) / count
    places = (shares - 0.5) * extent
    return np.asarray(places, np.float32)


def _evaluated(fall: Doubles, shape: Shape) -> Singles:
    """``(H, W)`` logarithm of the ratio, without an array for each of its terms."""
    coefficients = fall.astype(np.float32)
    one, right, down, across, diagonal, along, fourth = coefficients
    x, y = _places(shape, shape)
    squared = np.add.outer(y * y, x * x)
    by_column = one + right * x + across * x * x
    by_row = down * y + along * y * y
    whole = fourth * squared * squared
    whole += by_column
    whole += by_row[:, None]
    whole += np.multiply.outer(diagonal * y, x)
    return np.asarray(whole, np.float32)


def cauchy_fit(
    terms: NDArray[Any],
    values: NDArray[Any],
    prior: NDArray[Any],
    slack: float,
    rounds: int,
) -> Doubles:
    """Least squares with Cauchy weights, by the normal equations because there are many samples."""
    weight = np.ones(len(values))
    for _ in range(rounds):
        weighted = terms * weight[:, None]
        normal = weighted.T @ terms + prior
        fit = np.linalg.solve(normal, weighted.T @ values)
        left = values - terms @ fit
        median = float(np.median(np.abs(left)))
        spread = 1.48 * median + slack
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    return fit
