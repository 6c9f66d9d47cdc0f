"""Exposure of the blurry picture relative to the sharp one, with vignetting."""

import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.masked import reduced_area, smoothed

__all__ = ["light_ratio"]

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

WINDOW_PX = 12.0
"""Width (sigma) of the windows whose means are compared: blur keeps the mean of a larger area."""
STRIDE = 4
SATURATED, DARK = 0.95, 0.004
LEAST_PLACES = 50
ROUNDS = 5
SLACK = 1e-3


def light_ratio(blurry: Array, sharp: Array, valid: Mask) -> Array:
    """Linear blurry over linear sharp light: a gain and smooth vignetting.

    Vignetting is a second-degree polynomial in the logarithm, fitted robustly to window means away
    from saturated and black pixels.

    Args:
        blurry: ``(H, W)`` float32, linear light.
        sharp: Same shape, on the blurry grid.
        valid: ``(H, W)``, where the sharp picture shows the scene.

    Returns:
        ``(H, W)`` float32, all 1 if hardly anything can be compared.
    """
    ratio, good = _log_ratio(blurry, sharp, valid)
    if good.sum() < LEAST_PLACES:
        return np.ones_like(blurry)
    fall = _robust_fit(_terms(good.shape, valid.shape)[:, good].T, ratio[good])
    terms = _terms(valid.shape, valid.shape)
    return np.exp(np.tensordot(fall.astype(np.float32), terms, axes=1))


def _log_ratio(blurry: Array, sharp: Array, valid: Mask) -> tuple[Array, Mask]:
    weight = valid.astype(np.float32)
    spoilt = (np.maximum(blurry, sharp) >= SATURATED) & valid
    maps = (spoilt.astype(np.float32), weight, blurry * weight, sharp * weight)
    near_spoilt, shown, first, second = (
        smoothed(reduced_area(one, STRIDE), WINDOW_PX / STRIDE) for one in maps
    )
    total = shown + np.float32(1e-3)
    first, second = first / total, second / total
    good = (shown > 0.7) & (near_spoilt <= 0.05) & (np.minimum(first, second) > DARK)
    return np.log(np.maximum(first, 1e-4) / np.maximum(second, 1e-4)), good


def _terms(shape: tuple[int, ...], frame: tuple[int, ...]) -> Array:
    """``(6, h, w)``: the terms of the polynomial on a grid of that shape over the frame.

    Positions are counted from the centre in half widths.
    """
    y, x = (
        ((np.arange(n, dtype=np.float32) + 0.5) / n - 0.5) * (2 * side / frame[1])
        for n, side in zip(shape, frame, strict=True)
    )
    xx, yy = np.meshgrid(x, y)
    return np.stack([np.ones_like(xx), xx, yy, xx * xx, xx * yy, yy * yy])


def _robust_fit(terms: Array, values: Array) -> NDArray[np.float64]:
    """Least squares with Cauchy weights, by the normal equations because there are many samples."""
    weight = np.ones(len(values))
    for _ in range(ROUNDS):
        weighted = terms * weight[:, None]
        normal = weighted.T @ terms + 1e-6 * np.eye(terms.shape[1])
        fit = np.linalg.solve(normal, weighted.T @ values)
        left = values - terms @ fit
        spread = 1.48 * float(np.median(np.abs(left))) + SLACK
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    return np.asarray(fit)
