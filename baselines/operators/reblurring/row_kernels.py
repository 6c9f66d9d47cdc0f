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

Array = NDArray[np.float32]

_compiled = numba.njit(nogil=True, cache=True, fastmath={"contract"})
"""``contract`` lets a product and a sum become one instruction; nothing else is loosened."""


class KernelLayout(NamedTuple):
    """The geometry as arrays for the compiled loops; ``units`` has i, j and ring (-1 for none)."""

    # ``below`` is the seed below each ring's distance, ``part_above`` the weight of the next;
    # ``within`` are the rings in each radius, ``corners`` the taps outside it.

    units: NDArray[np.int64]
    below: NDArray[np.int64]
    part_above: Array
    counts: Array
    within: NDArray[np.int64]
    corners: Array


class RowBuffers(NamedTuple):
    """Memory for one row of a picture, which is used again for the next one."""

    values: Array  # ``(rings, width)``, of one kernel
    # ``(rings, width)``, sums of rings times the gradient
    products: Array
    # ``(levels, width)``, sums of squares times the gradient
    squares: Array
    per_ring: Array  # ``(rings, width)``, what each ring's sum counts
    # ``(levels, width)``, what each border's sum counts
    per_border: Array
    # ``(width,)``, value of a kernel's corners, or a factor
    corner: Array
    total: Array  # ``(width,)``, sum of a kernel, or a share
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
    """Copy a row; assigning a slice would compile for seconds, for its message on shapes."""
    for x in range(into.size):
        into[x] = row[x]


@_compiled
def _exponential(values, bits):
    """Raise e to the values <= 0, in place, as 2^n times a polynomial; exact to 1e-7."""
    powers = bits.view(np.float32)
    log2_e = np.float32(1.4426950408889634)
    for x in range(values.size):
        exponent = max(values[x] * log2_e, np.float32(-126.0))
        whole = np.floor(exponent + np.float32(0.5))
        values[x] = _power_of_two(exponent - whole)
        bits[x] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    for x in range(values.size):
        values[x] *= powers[x]


@_compiled
def _power_of_two(f):
    """2^f for f from -0.5 to 0.5, by a polynomial of degree 7."""
    result = np.float32(1.5252733804e-5)
    result = result * f + np.float32(1.5403530393e-4)
    result = result * f + np.float32(1.3333558146e-3)
    result = result * f + np.float32(9.6181291076e-3)
    result = result * f + np.float32(5.5504108665e-2)
    result = result * f + np.float32(2.4022650696e-1)
    result = result * f + np.float32(6.9314718056e-1)
    return result * f + np.float32(1.0)


@_compiled
def _kernel(seeds, row, radius, tables, buffers):
    """Values of the rings of one radius, of its corners, and their sum, along a row."""
    values = buffers.values
    corner = buffers.corner
    total = buffers.total
    first = (radius * (radius + 1)) // 2 - 1
    _corner_logit(seeds[first : first + radius + 1, row], corner)
    for ring in range(tables.within[radius]):
        near = seeds[first + tables.below[ring], row]
        far = seeds[first + min(tables.below[ring] + 1, radius), row]
        _ring_logit(near, far, tables.part_above[ring], corner, values[ring])
        _exponential(values[ring], buffers.bits)
    _exponential(corner, buffers.bits)
    for x in range(corner.size):
        total[x] = tables.corners[radius] * corner[x]
    for ring in range(tables.within[radius]):
        into = values[ring]
        count = tables.counts[ring]
        for x in range(corner.size):
            total[x] += count * into[x]


@_compiled
def _corner_logit(seeds, corner):
    """Logit 0 of the corners below the largest logit, along a row."""
    for x in range(corner.size):
        corner[x] = np.float32(0.0)
    for s in range(len(seeds)):
        mine = seeds[s]
        for x in range(corner.size):
            corner[x] = min(corner[x], -abs(mine[x]))


@_compiled
def _ring_logit(near, far, above, corner, into):
    """Logit of a ring below the largest one, between those of two seeds."""
    for x in range(corner.size):
        low = abs(near[x])
        into[x] = low + above * (abs(far[x]) - low) + corner[x]


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
def _add(part, into):
    """Add a row to another one."""
    for x in range(into.size):
        into[x] += part[x]


@_compiled
def _add_product(first, second, into):
    """Add the product of two rows to a third."""
    for x in range(into.size):
        into[x] += first[x] * second[x]


@_compiled
def _product(first, second, into):
    """The product of two rows."""
    for x in range(into.size):
        into[x] = first[x] * second[x]


@_compiled
def _unit_sum(folded, i, j, total):
    """Sum over the taps of one unit along a row."""
    width = total.size
    left, right = _both_shifted(folded[i], j, width)
    upper, lower = _both_shifted(folded[j], i, width)
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
def _both_shifted(padded, offset, width):
    """A row of that width out of a padded one, shifted to the left and to the right."""
    pad = (padded.size - width) // 2
    left = padded[pad - offset : pad - offset + width]
    right = padded[pad + offset : pad + offset + width]
    return left, right


@_compiled
def _unit_factor(ring, border, per_ring, per_border, factor):
    """Weight of a unit's taps as members of their ring and of their border."""
    outer = per_border[border]
    if ring < 0:
        _copy(outer, factor)
    else:
        inner = per_ring[ring]
        for x in range(factor.size):
            factor[x] = outer[x] + inner[x]


@_compiled
def _add_factors(buffers, radius, level, count):
    """Add one kernel's weights to those of the rings; set those of its square, over ``total``."""
    corner = buffers.corner
    total = buffers.total
    border = buffers.per_border[radius]
    for x in range(corner.size):
        total[x] = level[x] / total[x]
        border[x] = total[x] * corner[x]
    for ring in range(count):
        mine = buffers.values[ring]
        into = buffers.per_ring[ring]
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
    colours = padded.shape[0]
    folded = np.empty((colours, levels, padded.shape[2]), np.float32)
    buffers = _buffers(levels, tables.counts.size, width)
    factor = np.empty(width, np.float32)
    total = buffers.total
    per_ring = buffers.per_ring
    per_border = buffers.per_border
    for row in range(top, bottom):
        per_ring[:] = np.float32(0.0)
        _copy(weights[0, row], per_border[0])
        for radius in range(1, levels):
            _kernel(seeds, row, radius, tables, buffers)
            level = weights[radius, row]
            _add_factors(buffers, radius, level, tables.within[radius])
        _cumulate(per_border)
        for colour in range(colours):
            _fold_rows(padded[colour], row, folded[colour])
            blurred[colour, row] = np.float32(0.0)
        for unit in range(tables.units.shape[0]):
            i, j, ring = tables.units[unit]
            _unit_factor(ring, i, per_ring, per_border, factor)
            for colour in range(colours):
                _unit_sum(folded[colour], i, j, total)
                _add_product(total, factor, blurred[colour, row])


@_compiled
def _seed_gradients(seeds, row, radius, tables, buffers, mean, of_seeds):
    """Gradients of the seeds of one kernel; ``total`` is the level's weight over the sum."""
    first = (radius * (radius + 1)) // 2 - 1
    for s in range(radius + 1):
        of_seeds[first + s, row] = np.float32(0.0)
    for ring in range(tables.within[radius]):
        near = of_seeds[first + tables.below[ring], row]
        far = of_seeds[first + min(tables.below[ring] + 1, radius), row]
        above = tables.part_above[ring]
        count = tables.counts[ring]
        _add_logit_gradients(buffers, ring, count, above, mean, near, far)
    for s in range(first, first + radius + 1):
        into = of_seeds[s, row]
        seed = seeds[s, row]
        for x in range(mean.size):
            into[x] *= np.sign(seed[x])


@_compiled
def _add_logit_gradients(buffers, ring, count, above, mean, into_near, into_far):
    """Add the gradient of a ring's logit to those of the two seeds that it lies between."""
    total = buffers.total
    mine = buffers.values[ring]
    product = buffers.products[ring]
    for x in range(mean.size):
        of_logit = total[x] * mine[x] * (product[x] - count * mean[x])
        into_near[x] += (np.float32(1.0) - above) * of_logit
        into_far[x] += above * of_logit


@_compiled
def _mean_product(buffers, radius, count, mean):
    """The products' mean under one kernel: the equations' q."""
    corner = buffers.corner
    total = buffers.total
    square = buffers.squares[radius]
    for x in range(mean.size):
        mean[x] = corner[x] * square[x]
    for ring in range(count):
        mine = buffers.values[ring]
        product = buffers.products[ring]
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
            _add_product(total, grown[colour, row], product)
        _add(product, squares[i])
        if ring >= 0:
            _add(product, products[ring])
    for border in range(1, squares.shape[0]):
        _add(squares[border - 1], squares[border])


@_compiled
def _add_shifted(share, part, offset):
    """Add a row to another one, shifted both ways."""
    left, right = _both_shifted(part, offset, share.size)
    _add(share, left)
    if offset:
        _add(share, right)


@_compiled
def _spread_row(grown, row, tables, buffers, columns, of_padded, at):
    """Add the gradient along a row to the pixels that it was summed from."""
    factor = buffers.corner
    share = buffers.total
    colours, levels, _ = columns.shape
    columns[:] = np.float32(0.0)
    for unit in range(tables.units.shape[0]):
        i, j, ring = tables.units[unit]
        _unit_factor(ring, i, buffers.per_ring, buffers.per_border, factor)
        for colour in range(colours):
            _product(grown[colour, row], factor, share)
            _add_shifted(share, columns[colour, i], j)
            if i != j:
                _add_shifted(share, columns[colour, j], i)
    for colour in range(colours):
        for k in range(2 * levels - 1):
            part = columns[colour, abs(k - levels + 1)]
            _add(part, of_padded[colour, at + k])


@_compiled
def backward_rows(given, tables, top, bottom, grown, of_given):
    """Gradients of padded picture, seeds and weights, from that of the blurred picture's rows."""
    # That of the picture, ``(C, bottom - top + 2 pad, W + 2 pad)``, is added to; rows of the others
    # are written.
    padded, seeds, weights = given
    of_padded, of_seeds, of_weights = of_given
    levels, _, width = weights.shape
    folded = np.empty((padded.shape[0], levels, padded.shape[2]), np.float32)
    buffers = _buffers(levels, tables.counts.size, width)
    for row in range(top, bottom):
        for colour in range(padded.shape[0]):
            _fold_rows(padded[colour], row, folded[colour])
        _row_products(folded, grown, row, tables, buffers)
        _copy(buffers.squares[0], of_weights[0, row])
        buffers.per_ring[:] = np.float32(0.0)
        _copy(weights[0, row], buffers.per_border[0])
        for radius in range(1, levels):
            _kernel(seeds, row, radius, tables, buffers)
            count = tables.within[radius]
            mean = of_weights[radius, row]
            _mean_product(buffers, radius, count, mean)
            _add_factors(buffers, radius, weights[radius, row], count)
            _seed_gradients(seeds, row, radius, tables, buffers, mean, of_seeds)
        _cumulate(buffers.per_border)
        _spread_row(grown, row, tables, buffers, folded, of_padded, row - top)
