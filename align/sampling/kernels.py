"""Compiled interpolation with a kernel that widens with the reduction."""

from typing import Literal, TypeAlias

import numba
import numpy as np

from defocus.align.arrays import Doubles, Singles

Kernel: TypeAlias = Literal["lanczos", "bicubic", "bilinear"]
KERNELS: tuple[Kernel, ...] = ("lanczos", "bicubic", "bilinear")
SUPPORT = {"lanczos": 3, "bicubic": 2, "bilinear": 1}
"""Half the width of each kernel, in pixels of the coarser grid."""

STEPS = 2048
"""Table entries per pixel; linear interpolation between them errs by less than 1e-6."""


def _table(kernel: Kernel) -> Doubles:
    """The kernel at 0, 1/STEPS, … up to its support, where it is 0."""
    support = SUPPORT[kernel]
    count = support * STEPS + 2
    x = np.arange(count) / STEPS
    if kernel == "lanczos":
        values = np.sinc(x) * np.sinc(x / 3)
    elif kernel == "bicubic":  # Keys, a = -0.5: reproduces parabolas
        inner = (1.5 * x - 2.5) * x**2 + 1
        outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
        values = np.where(x < 1, inner, outer)
    else:
        values = 1 - x
    return np.where(x < support, values, 0.0)


_TABLES = {kernel: _table(kernel) for kernel in KERNELS}


def gathered(
    source: Singles,
    positions: tuple[Doubles, Doubles],
    kernel: Kernel,
    widening: float,
) -> Singles:
    """``(h, w, 3)`` values at the positions; border values go on outside. ``widening`` is >= 1.

    Source: Keys, Cubic convolution interpolation (1981); Duchon, Lanczos filtering (1979)."""
    shape = positions[0].shape
    values = np.empty((*shape, 3), np.float32)
    _gather(
        source,
        *positions,
        _TABLES[kernel],
        float(SUPPORT[kernel]),
        max(widening, 1.0),
        values,
    )
    return values


@numba.njit(nogil=True, cache=True)
def _clamped(value, low, high):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    return min(max(value, low), high)


@numba.njit(nogil=True, cache=True)
def _weights(place, support, widening, table, weights):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """Fill in the normalised weights of the taps around a position; return the first tap."""
    reach = support * widening
    whole = int(np.floor(place))
    part = place - whole  # counting from here, strips of any height give the same bits
    first = int(np.ceil(part - reach))
    last = int(np.floor(part + reach))
    count = last - first + 1
    total = 0.0
    for k in range(count):
        distance = abs(first + k - part)
        at = distance / widening * STEPS
        index = min(int(at), table.size - 2)
        rest = at - index
        before = table[index] * (1 - rest)
        after = table[index + 1] * rest
        weights[k] = before + after
        total += weights[k]
    for k in range(count):
        weights[k] /= total
    return whole + first, count


@numba.njit(nogil=True, cache=True)
def _gather(source, xs, ys, table, support, widening, values):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    height, width, _ = source.shape
    reach = support * widening + 1.0  # farther outside all taps lie on one border pixel
    right = width + reach
    bottom = height + reach
    taps = int(2 * reach) + 2
    across = np.empty(taps, np.float32)
    down = np.empty(taps, np.float32)
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            x = _clamped(xs[row, column], -reach, right)
            y = _clamped(ys[row, column], -reach, bottom)
            left, n_across = _weights(x, support, widening, table, across)
            top, n_down = _weights(y, support, widening, table, down)
            _weigh(
                source,
                top,
                left,
                down[:n_down],
                across[:n_across],
                values[row, column],
            )


@numba.njit(nogil=True, cache=True)
def _weigh(source, top, left, down, across, into):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    height, width, _ = source.shape
    red = green = blue = np.float32(0.0)
    for j in range(len(down)):
        row = _clamped(top + j, 0, height - 1)
        line = source[row]
        for i in range(len(across)):
            weight = down[j] * across[i]
            column = _clamped(left + i, 0, width - 1)
            pixel = line[column]
            red += weight * pixel[0]
            green += weight * pixel[1]
            blue += weight * pixel[2]
    into[0] = red
    into[1] = green
    into[2] = blue


def field_at(
    field: Singles,
    positions: tuple[Doubles, Doubles],
) -> Doubles:
    """``(2, h, w)``: a field interpolated at positions; ``cv2.remap`` would round to 1/32 px."""
    values = np.empty((2, *positions[0].shape))
    _read_field(field, *positions, values)
    return values


@numba.njit(nogil=True, cache=True)
def _read_field(field, xs, ys, values):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    height, width = field.shape[1:]
    _, rows, columns = values.shape
    right = width - 1.0
    bottom = height - 1.0
    for row in range(rows):
        for column in range(columns):
            x = _clamped(xs[row, column], 0.0, right)
            y = _clamped(ys[row, column], 0.0, bottom)
            for c in range(2):
                values[c, row, column] = _bilinear(field[c], x, y)


@numba.njit(nogil=True, cache=True)
def _bilinear(plane, x, y):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    height, width = plane.shape
    last_row = height - 1
    last_column = width - 1
    left = min(int(x), max(width - 2, 0))
    top = min(int(y), max(height - 2, 0))
    right = min(left + 1, last_column)
    below = min(top + 1, last_row)
    u = x - left
    v = y - top
    upper_row = plane[top]
    lower_row = plane[below]
    upper = upper_row[left] * (1 - u) + upper_row[right] * u
    lower = lower_row[left] * (1 - u) + lower_row[right] * u
    return upper * (1 - v) + lower * v
