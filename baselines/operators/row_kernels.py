"""Compiled loops over rows for the CPU; the machine code is cached beside this file.

The differences are those of a mirrored picture: the last column and the last row have none."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def mirrored_gradient(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Differences to the right and below, 0 at the last column and row; ``(H, W)`` each."""
    height, width = values.shape
    right = np.zeros_like(values)
    below = np.zeros_like(values)
    for y in range(height):
        for x in range(width - 1):
            right[y, x] = values[y, x + 1] - values[y, x]
        if y + 1 < height:
            for x in range(width):
                below[y, x] = values[y + 1, x] - values[y, x]
    return right, below


@numba.njit(nogil=True, cache=True)
def mirrored_adjoint(right: NDArray[Any], below: NDArray[Any]) -> NDArray[Any]:
    """The adjoint of :func:`mirrored_gradient`; the last column and row are 0."""
    height, width = right.shape
    values = np.empty_like(right)
    for y in range(height):
        for x in range(width):
            values[y, x] = -right[y, x] - below[y, x]
        for x in range(1, width):
            values[y, x] += right[y, x - 1]
        if y > 0:
            for x in range(width):
                values[y, x] += below[y - 1, x]
    return values


@numba.njit(nogil=True, cache=True)
def shrink_by_table(
    values: NDArray[Any],
    table: NDArray[Any],
    step: float,
    threshold: float,
) -> None:
    """Replace each value by sign(value) · table(|value|), in place; 0 up to the threshold."""
    # The table is at threshold + k · step; linear between, and beyond the last by its last
    # difference.
    height, width = values.shape
    last = len(table) - 2
    scale = values.dtype.type(1.0 / step)
    begin = values.dtype.type(threshold)
    for y in range(height):
        for x in range(width):
            value = values[y, x]
            place = (abs(value) - begin) * scale
            if place <= 0:
                values[y, x] = 0
                continue
            index = min(int(place), last)
            step_up = table[index + 1] - table[index]
            magnitude = table[index] + (place - index) * step_up
            values[y, x] = magnitude if value > 0 else -magnitude


@numba.njit(nogil=True, cache=True)
def split_isotropic(
    gradient: tuple[NDArray[Any], NDArray[Any]],
    split: tuple[NDArray[Any], NDArray[Any]],
    multipliers: tuple[NDArray[Any], NDArray[Any]],
    beta: float,
    step: float,
) -> None:
    """One step of the augmented Lagrangian of total variation, in place."""
    # The multipliers u move by the difference of the gradient g and its split w; then w is g + u
    # with its length shrunk by 1 / beta; and g becomes w - u, which the picture is pulled to.
    kind = gradient[0].dtype.type
    least = kind(1.0 / beta)
    pace = kind(step)
    for y in range(gradient[0].shape[0]):
        across = (gradient[0][y], split[0][y], multipliers[0][y])
        down = (gradient[1][y], split[1][y], multipliers[1][y])
        _split_row(across, down, least, pace, kind(0))


@numba.njit(nogil=True, cache=True)
def _split_row(
    across: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    down: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    least: float,
    pace: float,
    zero: float,
) -> None:
    """:func:`split_isotropic` for a row; ``across`` and ``down`` are its g, w and u."""
    g0, w0, u0 = across
    g1, w1, u1 = down
    for x in range(g0.size):
        u0[x] += pace * (g0[x] - w0[x])
        u1[x] += pace * (g1[x] - w1[x])
        t0 = g0[x] + u0[x]
        t1 = g1[x] + u1[x]
        kept = _kept_share(np.sqrt(t0 * t0 + t1 * t1), least, zero)
        w0[x] = kept * t0
        w1[x] = kept * t1
        g0[x] = w0[x] - u0[x]
        g1[x] = w1[x] - u1[x]


@numba.njit(nogil=True, cache=True)
def _kept_share(length: float, least: float, zero: float) -> float:
    """Share of a length that is left when it is shrunk by the least length."""
    return max(length - least, zero) / max(length, least)


@numba.njit(nogil=True, cache=True)
def smooth_rows(values: NDArray[Any], weights: NDArray[Any]) -> None:
    """Mix each pixel with the one before, to the right and back, in place, by its weight."""
    height, width, channels = values.shape
    for y in range(height):
        for x in range(1, width):
            for c in range(channels):
                values[y, x, c] += weights[y, x] * (
                    values[y, x - 1, c] - values[y, x, c]
                )
        for x in range(width - 2, -1, -1):
            for c in range(channels):
                values[y, x, c] += weights[y, x + 1] * (
                    values[y, x + 1, c] - values[y, x, c]
                )


@numba.njit(inline="always", error_model="numpy")
def _newton_step(w: Any, v: Any, beta: Any) -> Any:  # noqa: ANN401 - numbers of the picture's type
    """One step for |w|^1.5 + beta/2 (w - v)²; 0 stays."""
    kind = type(w)
    root = np.sqrt(abs(w))
    force = np.copysign(kind(1.5) * root, w)
    return w - (force + beta * (w - v)) * root / (kind(0.75) + beta * root)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def shrink_three_halves(values: NDArray[Any], beta: float) -> None:
    """Four Newton steps towards argmin |w|^1.5 + beta/2 (w - v)², then 0 where 0 is no worse."""
    # Written out, so that the loop over a row becomes vector instructions; v is replaced by w.
    height, width = values.shape
    b = values.dtype.type(beta)
    half = values.dtype.type(beta / 2)
    for y in range(height):
        for x in range(width):
            v = values[y, x]
            w = _newton_step(v, v, b)
            w = _newton_step(w, v, b)
            w = _newton_step(w, v, b)
            w = _newton_step(w, v, b)
            size = abs(w)
            moved = w - v
            cost = size * np.sqrt(size) + half * moved * moved
            is_less = cost < half * v * v  # than at 0
            values[y, x] = w if is_less else values.dtype.type(0)
