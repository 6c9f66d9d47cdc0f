"""Compiled loops of the reblurring operator over the rows of one picture.

One-dimensional arrays give vector instructions; a row's buffers fit into the second-level cache."""
# ruff: noqa: ANN001, ANN201, ANN202 - the compiler finds the types of compiled functions
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import functools
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.reblurring.rings import rings

_compiled = numba.njit(nogil=True, cache=True, fastmath={"contract"})
"""``contract`` lets a product and a sum become one instruction; nothing else is loosened."""


class KernelLayout(NamedTuple):
    """The geometry as arrays for the compiled loops; ``units`` has i, j and ring (-1 for none)."""

    # ``below`` is the seed below each ring's distance, ``part_above`` the weight of the next;
    # ``within`` are the rings in each radius, ``corners`` the taps outside it.

    units: NDArray[np.int64]
    below: NDArray[np.int64]
    part_above: NDArray[np.float32]
    counts: NDArray[np.float32]
    within: NDArray[np.int64]
    corners: NDArray[np.float32]


class RowBuffers(NamedTuple):
    """Memory for one row of a picture, which is used again for the next one."""

    values: NDArray[np.float32]  # ``(rings, width)``, of one kernel
    products: NDArray[
        np.float32
    ]  # ``(rings, width)``, sums of rings times the gradient
    squares: NDArray[
        np.float32
    ]  # ``(levels, width)``, sums of squares times the gradient
    per_ring: NDArray[np.float32]  # ``(rings, width)``, what each ring's sum counts
    per_border: NDArray[
        np.float32
    ]  # ``(levels, width)``, what each border's sum counts
    corner: NDArray[
        np.float32
    ]  # ``(width,)``, value of a kernel's corners, or a factor
    total: NDArray[np.float32]  # ``(width,)``, sum of a kernel, or a share
    bits: NDArray[np.int32]  # ``(width,)``


@functools.cache
def layout(levels: int) -> KernelLayout:
    """The geometry for a number of levels."""
    facts = rings(levels)
    units = [(i, j, -1 if ring is None else ring) for i, j, ring in facts.units]
    below, above = zip(*facts.between, strict=True)
    return KernelLayout(
        np.array(units),
        np.array(below),
        np.array(above, np.float32),
        np.array(facts.counts, np.float32),
        np.array([facts.within(radius) for radius in range(levels)]),
        np.array(facts.corners, np.float32),
    )


@_compiled
def _buffers(levels, rings_, width):
    """Buffers for rows of a width."""
    return RowBuffers(
        np.empty((rings_, width), np.float32),
        np.empty((rings_, width), np.float32),
        np.empty((levels, width), np.float32),
        np.empty((rings_, width), np.float32),
        np.empty((levels, width), np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.int32),
    )


@_compiled
def _copy(row, into):
    """Copy a row: a slice set to another compiles for seconds, for the message on its shape."""
    for x in range(into.size):
        into[x] = row[x]


@_compiled
def _exponential(values, bits):
    """Raise e to the values <= 0, in place, as 2^n times a polynomial; exact to 1e-7."""
    powers = bits.view(np.float32)
    for x in range(values.size):
        exponent = max(values[x] * np.float32(1.4426950408889634), np.float32(-126.0))
        whole = np.floor(exponent + np.float32(0.5))
        f = exponent - whole
        result = np.float32(1.5252733804e-5)
        result = result * f + np.float32(1.5403530393e-4)
        result = result * f + np.float32(1.3333558146e-3)
        result = result * f + np.float32(9.6181291076e-3)
        result = result * f + np.float32(5.5504108665e-2)
        result = result * f + np.float32(2.4022650696e-1)
        result = result * f + np.float32(6.9314718056e-1)
        values[x] = result * f + np.float32(1.0)
        bits[x] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    for x in range(values.size):
        values[x] *= powers[x]


@_compiled
def _kernel(seeds, row, radius, tables, buffers):
    """Values of the rings of one radius, of its corners, and their sum, along a row."""
    values = buffers.values
    corner = buffers.corner
    total = buffers.total
    bits = buffers.bits
    first = (radius * (radius + 1)) // 2 - 1
    for x in range(corner.size):
        corner[x] = np.float32(0.0)
    for s in range(radius + 1):
        mine = seeds[first + s, row]
        for x in range(corner.size):
            corner[x] = min(corner[x], -abs(mine[x]))
    for ring in range(tables.within[radius]):
        above = tables.part_above[ring]
        near = seeds[first + tables.below[ring], row]
        far = seeds[first + min(tables.below[ring] + 1, radius), row]
        into = values[ring]
        for x in range(corner.size):
            low = abs(near[x])
            into[x] = low + above * (abs(far[x]) - low) + corner[x]
        _exponential(into, bits)
    _exponential(corner, bits)
    for x in range(corner.size):
        total[x] = tables.corners[radius] * corner[x]
    for ring in range(tables.within[radius]):
        into = values[ring]
        count = tables.counts[ring]
        for x in range(corner.size):
            total[x] += count * into[x]


@_compiled
def _fold_rows(padded, row, folded):
    """Sums of the rows at equal distances above and below, of one colour."""
    pad = folded.shape[0] - 1
    _copy(padded[row + pad], folded[0])
    for i in range(1, pad + 1):
        upper = padded[row + pad - i]
        lower = padded[row + pad + i]
        into = folded[i]
        for x in range(into.size):
            into[x] = upper[x] + lower[x]


@_compiled
def _unit_sum(folded, i, j, total):
    """Sum over the taps of one unit along a row."""
    pad = folded.shape[0] - 1
    width = total.size
    left = folded[i, pad - j : pad - j + width]
    right = folded[i, pad + j : pad + j + width]
    upper = folded[j, pad - i : pad - i + width]
    lower = folded[j, pad + i : pad + i + width]
    if i == 0:
        _copy(left, total)
    elif j == 0:
        for x in range(width):
            total[x] = left[x] + upper[x] + lower[x]
    elif i == j:
        for x in range(width):
            total[x] = left[x] + right[x]
    else:
        for x in range(width):
            total[x] = left[x] + right[x] + upper[x] + lower[x]


@_compiled
def _unit_factor(ring, border, per_ring, per_border, factor):
    """What a unit's taps count as members of their ring and of their border."""
    outer = per_border[border]
    if ring < 0:
        _copy(outer, factor)
    else:
        inner = per_ring[ring]
        for x in range(factor.size):
            factor[x] = outer[x] + inner[x]


@_compiled
def _add_factors(values, corner, total, level, count, per_ring, per_border):
    """Add one kernel's weights to those of the rings; set those of its square, over ``total``."""
    for x in range(corner.size):
        total[x] = level[x] / total[x]
        per_border[x] = total[x] * corner[x]
    for ring in range(count):
        mine = values[ring]
        into = per_ring[ring]
        for x in range(corner.size):
            into[x] += total[x] * (mine[x] - corner[x])


@_compiled
def _cumulate(per_border):
    """The border of a square counts in all larger squares too."""
    for radius in range(per_border.shape[0] - 2, -1, -1):
        inner = per_border[radius]
        outer = per_border[radius + 1]
        for x in range(inner.size):
            inner[x] += outer[x]


@_compiled
def forward_rows(padded, seeds, weights, tables, top, bottom, blurred):
    """Rows ``top`` to before ``bottom`` of the blurred picture, written to ``blurred``."""
    levels, _, width = weights.shape
    rings_ = tables.counts.size
    colours = padded.shape[0]
    folded = np.empty((colours, levels, padded.shape[2]), np.float32)
    buffers = _buffers(levels, rings_, width)
    factor = np.empty(width, np.float32)
    values = buffers.values
    corner = buffers.corner
    total = buffers.total
    per_ring = buffers.per_ring
    per_border = buffers.per_border
    for row in range(top, bottom):
        per_ring[:] = np.float32(0.0)
        _copy(weights[0, row], per_border[0])
        for radius in range(1, levels):
            _kernel(seeds, row, radius, tables, buffers)
            level = weights[radius, row]
            count = tables.within[radius]
            _add_factors(
                values, corner, total, level, count, per_ring, per_border[radius]
            )
        _cumulate(per_border)
        for colour in range(colours):
            _fold_rows(padded[colour], row, folded[colour])
            blurred[colour, row] = np.float32(0.0)
        for unit in range(tables.units.shape[0]):
            i, j, ring = tables.units[unit]
            _unit_factor(ring, i, per_ring, per_border, factor)
            for colour in range(colours):
                _unit_sum(folded[colour], i, j, total)
                into = blurred[colour, row]
                for x in range(width):
                    into[x] += total[x] * factor[x]


@_compiled
def _seed_gradients(seeds, row, radius, tables, buffers, mean, of_seeds):
    """Gradients of the seeds of one kernel; ``total`` is the level's weight over the sum."""
    values = buffers.values
    total = buffers.total
    products = buffers.products
    first = (radius * (radius + 1)) // 2 - 1
    for s in range(radius + 1):
        of_seeds[first + s, row] = np.float32(0.0)
    for ring in range(tables.within[radius]):
        near = first + tables.below[ring]
        above = tables.part_above[ring]
        far = first + min(tables.below[ring] + 1, radius)
        count = tables.counts[ring]
        mine = values[ring]
        product = products[ring]
        into_near = of_seeds[near, row]
        into_far = of_seeds[far, row]
        for x in range(mean.size):
            of_logit = total[x] * mine[x] * (product[x] - count * mean[x])
            into_near[x] += (np.float32(1.0) - above) * of_logit
            into_far[x] += above * of_logit
    for s in range(first, first + radius + 1):
        into = of_seeds[s, row]
        seed = seeds[s, row]
        for x in range(mean.size):
            into[x] *= np.sign(seed[x])


@_compiled
def _mean_product(values, corner, total, count, products, per_square, mean):
    """The products' mean under one kernel: the equations' q."""
    for x in range(mean.size):
        mean[x] = corner[x] * per_square[x]
    for ring in range(count):
        mine = values[ring]
        product = products[ring]
        for x in range(mean.size):
            mean[x] += (mine[x] - corner[x]) * product[x]
    for x in range(mean.size):
        mean[x] /= total[x]


@_compiled
def _row_products(folded, grown, row, tables, buffers):
    """The sums of rings and squares times the gradient, over the colours, along a row."""
    total = buffers.total
    product = buffers.corner
    products = buffers.products
    squares = buffers.squares
    products[:] = np.float32(0.0)
    squares[:] = np.float32(0.0)
    for unit in range(tables.units.shape[0]):
        i, j, ring = tables.units[unit]
        product[:] = np.float32(0.0)
        for colour in range(folded.shape[0]):
            _unit_sum(folded[colour], i, j, total)
            gradient = grown[colour, row]
            for x in range(product.size):
                product[x] += total[x] * gradient[x]
        into = squares[i]
        for x in range(product.size):
            into[x] += product[x]
        if ring >= 0:
            into = products[ring]
            for x in range(product.size):
                into[x] += product[x]
    for border in range(1, squares.shape[0]):
        inner = squares[border - 1]
        into = squares[border]
        for x in range(product.size):
            into[x] += inner[x]


@_compiled
def _add_shifted(share, part, pad, offset):
    """Add a row to another one, shifted both ways."""
    width = share.size
    left = part[pad - offset : pad - offset + width]
    for x in range(width):
        left[x] += share[x]
    if offset:
        right = part[pad + offset : pad + offset + width]
        for x in range(width):
            right[x] += share[x]


@_compiled
def _spread_row(grown, row, tables, buffers, columns, of_padded, at):
    """Add the gradient along a row to the pixels that it was summed from."""
    per_ring = buffers.per_ring
    per_border = buffers.per_border
    factor = buffers.corner
    share = buffers.total
    colours, levels, _ = columns.shape
    pad = levels - 1
    columns[:] = np.float32(0.0)
    for unit in range(tables.units.shape[0]):
        i, j, ring = tables.units[unit]
        _unit_factor(ring, i, per_ring, per_border, factor)
        for colour in range(colours):
            gradient = grown[colour, row]
            for x in range(share.size):
                share[x] = gradient[x] * factor[x]
            _add_shifted(share, columns[colour, i], pad, j)
            if i != j:
                _add_shifted(share, columns[colour, j], pad, i)
    for colour in range(colours):
        for offset in range(-pad, levels):
            into = of_padded[colour, at + pad + offset]
            part = columns[colour, abs(offset)]
            for x in range(into.size):
                into[x] += part[x]


@_compiled
def backward_rows(given, tables, top, bottom, grown, of_given):
    """Gradients of padded picture, seeds and weights, from that of the blurred picture's rows."""
    # That of the picture, ``(C, bottom - top + 2 pad, W + 2 pad)``, is added to; rows of the others
    # are written.
    padded, seeds, weights = given
    of_padded, of_seeds, of_weights = of_given
    levels, _, width = weights.shape
    rings_ = tables.counts.size
    colours = padded.shape[0]
    folded = np.empty((colours, levels, padded.shape[2]), np.float32)
    buffers = _buffers(levels, rings_, width)
    values = buffers.values
    corner = buffers.corner
    total = buffers.total
    per_ring = buffers.per_ring
    per_border = buffers.per_border
    products = buffers.products
    squares = buffers.squares
    for row in range(top, bottom):
        for colour in range(colours):
            _fold_rows(padded[colour], row, folded[colour])
        _row_products(folded, grown, row, tables, buffers)
        _copy(squares[0], of_weights[0, row])
        per_ring[:] = np.float32(0.0)
        _copy(weights[0, row], per_border[0])
        for radius in range(1, levels):
            _kernel(seeds, row, radius, tables, buffers)
            level = weights[radius, row]
            count = tables.within[radius]
            mean = of_weights[radius, row]
            _mean_product(values, corner, total, count, products, squares[radius], mean)
            _add_factors(
                values, corner, total, level, count, per_ring, per_border[radius]
            )
            _seed_gradients(seeds, row, radius, tables, buffers, mean, of_seeds)
        _cumulate(per_border)
        at = row - top
        _spread_row(grown, row, tables, buffers, folded, of_padded, at)
