"""Exposure of the blurry picture relative to the sharp one, with vignetting."""

import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.masked import mean_over, smoothed

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
    """Linear blurry over linear sharp light: a gain per channel and smooth vignetting.

    Vignetting is a second-degree polynomial in the logarithm, fitted robustly to window means away
    from saturated and black pixels.

    Args:
        blurry: ``(H, W, 3)`` float32, linear light.
        sharp: Same shape, on the blurry grid.
        valid: ``(H, W)``, where the sharp picture shows the scene.

    Returns:
        ``(H, W, 3)`` float32, all 1 if hardly anything can be compared.
    """
    ratio, good = _log_ratio(blurry, sharp, valid)
    if good.sum() < LEAST_PLACES:
        return np.ones_like(blurry)
    gains = np.median(ratio[good], axis=0)
    terms = _terms(*valid.shape)
    coarse = terms[:, ::STRIDE, ::STRIDE][:, good].T
    fall = _robust_fit(coarse, (ratio[good] - gains).mean(axis=1))
    field = np.tensordot(fall.astype(np.float32), terms, axes=1)
    return np.exp(field[:, :, None] + gains.astype(np.float32))


def _log_ratio(blurry: Array, sharp: Array, valid: Mask) -> tuple[Array, Mask]:
    weight = valid.astype(np.float32)
    spoilt = ((blurry.max(axis=2) >= SATURATED) | (sharp.max(axis=2) >= SATURATED)) & valid
    near_spoilt = smoothed(spoilt.astype(np.float32), WINDOW_PX)[::STRIDE, ::STRIDE] > 0.05
    counted = smoothed(weight, WINDOW_PX)[::STRIDE, ::STRIDE] > 0.7
    first, second = (
        mean_over(p, weight[:, :, None].repeat(3, axis=2), WINDOW_PX)[::STRIDE, ::STRIDE]
        for p in (blurry, sharp)
    )
    good = counted & ~near_spoilt & (first.min(axis=2) > DARK) & (second.min(axis=2) > DARK)
    return np.log(np.maximum(first, 1e-4) / np.maximum(second, 1e-4)), good


def _terms(height: int, width: int) -> Array:
    """``(6, H, W)``: the terms of the polynomial, positions from the centre in half widths."""
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) * (2 / width)
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) * (2 / width)
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
