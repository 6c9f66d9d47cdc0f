"""PSNR, SSIM over the uniform window and MAE of a pair in one pass over its rows.

Each column is summed in float64 in a fixed order: the same value to the bit on every machine."""
# ruff: noqa: ANN001, ANN202 - the compiler finds the types of compiled functions
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.metric import Mask, Picture
from defocus.benchmark.metrics.ssim import C1, C2, whole_windows

_SIDE = 7
_SAMPLE = _SIDE**2 / (_SIDE**2 - 1)
_CHANNELS = 3


@dataclass(frozen=True)
class Sums:
    """Means of a pair inside the mask; ``ssim`` over pixels whose whole window is inside."""

    squared_error: float
    absolute_error: float
    ssim: float | None


def fused_sums(restored: Picture, reference: Picture, mask: Mask) -> Sums:
    """All three metrics of float64 pictures ``(H, W, 3)`` in [0, 1]; the mask has a true pixel."""
    # Source: as ``ssim``, whose plain form gives the same values.
    everywhere = bool(mask.all())
    inner = _inner_windows(mask)
    windows = int(inner.sum())
    squares, absolutes, similarities = _column_sums(
        _rows(restored),
        _rows(reference),
        _weights(mask[:1] if everywhere else mask),
        _weights(inner[:1] if everywhere else inner),
        int(not everywhere),
        windows > 0,
    )
    values = _CHANNELS * int(mask.sum())
    mean_square = math.fsum(squares) / values
    mean_absolute = math.fsum(absolutes) / values
    ssim = math.fsum(similarities) / (_CHANNELS * windows) if windows else None
    return Sums(mean_square, mean_absolute, ssim)


def _inner_windows(mask: Mask) -> Mask:
    """The whole windows inside the mask, by their centres; no row of a picture without any."""
    height, width = mask.shape
    if min(height, width) < _SIDE:
        return np.zeros((0, width), np.bool_)
    reach = _SIDE // 2
    whole = whole_windows(mask, _SIDE)
    return whole[reach : height - reach, reach : width - reach]


def _rows(picture: Picture) -> NDArray[np.float64]:
    # taps of a colour are 3 numbers apart, so that inner loops become vector instructions
    return np.ascontiguousarray(picture).reshape(picture.shape[0], -1)


def _weights(mask: Mask) -> NDArray[np.uint8]:
    """Expand a mask to one number per channel."""
    return np.repeat(np.ascontiguousarray(mask).view(np.uint8), _CHANNELS, axis=1)


@numba.njit(nogil=True, cache=True)
def _column_sums(first, second, weights, window_weights, step, with_windows):
    """Sums of the window's columns; row i uses the weights of row i * step."""
    height, length = first.shape
    squares = np.zeros(length)
    absolutes = np.zeros(length)
    similarities = np.zeros(max(length - (_SIDE - 1) * _CHANNELS, 0))
    sums = np.zeros((4, length))
    nothing = np.zeros(length)
    for row in range(height):
        x = first[row]
        y = second[row]
        _add_errors(x, y, weights[row * step], squares, absolutes)
        if not with_windows:
            continue
        top = row - _SIDE
        if top < 0:
            _move(x, y, nothing, nothing, sums)
        else:
            _move(x, y, first[top], second[top], sums)
        if top >= -1:
            _add_similarities(sums, window_weights[(top + 1) * step], similarities)
    return squares, absolutes, similarities


@numba.njit(nogil=True, cache=True)
def _add_errors(x, y, weights, squares, absolutes):
    for j in range(x.size):
        gap = weights[j] * (x[j] - y[j])
        squares[j] += gap * gap
        absolutes[j] += abs(gap)


@numba.njit(nogil=True, cache=True)
def _move(x, y, old_x, old_y, sums):
    """Let a row into the windows, and the one above them out; the sums are by column."""
    sum_x = sums[0]
    sum_y = sums[1]
    sum_squares = sums[2]
    sum_products = sums[3]
    for j in range(x.size):
        sum_x[j] += x[j] - old_x[j]
        sum_y[j] += y[j] - old_y[j]
        squares = x[j] * x[j] + y[j] * y[j]
        old_squares = old_x[j] * old_x[j] + old_y[j] * old_y[j]
        sum_squares[j] += squares - old_squares
        sum_products[j] += x[j] * y[j] - old_x[j] * old_y[j]


@numba.njit(nogil=True, cache=True)
def _along(sums, j):
    """Sum of a window's columns, beginning with column j."""
    first = sums[j] + sums[j + 3]
    second = sums[j + 6] + sums[j + 9]
    third = sums[j + 12] + sums[j + 15]
    last = sums[j + 18]
    return (first + second) + (third + last)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _add_similarities(sums, counts, similarities):
    share = 1.0 / (_SIDE * _SIDE)
    sum_x = sums[0]
    sum_y = sums[1]
    sum_squares = sums[2]
    sum_products = sums[3]
    for j in range(similarities.size):
        mean_x = share * _along(sum_x, j)
        mean_y = share * _along(sum_y, j)
        mean_squares = share * _along(sum_squares, j)
        mean_products = share * _along(sum_products, j)
        product = mean_x * mean_y
        squares = mean_x * mean_x + mean_y * mean_y
        covariance = _SAMPLE * (mean_products - product)
        variances = _SAMPLE * (mean_squares - squares)
        above = (2.0 * product + C1) * (2.0 * covariance + C2)
        below = (squares + C1) * (variances + C2)
        similarities[j] += counts[j] * (above / below)
