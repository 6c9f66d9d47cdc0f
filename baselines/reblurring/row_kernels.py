"""Compiled loops of the operator over the rows of one picture.

Inner loops run along a row, over plain one-dimensional arrays, so that they become vector
instructions; all buffers of a row fit into the second-level cache.
"""
# ruff: noqa: ANN001, ANN201, ANN202 - the compiler finds the types of compiled functions
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import functools
import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from defocus.baselines.reblurring.rings import rings

__all__ = ["Layout", "backward_rows", "forward_rows", "layout"]

_COMPILED = {"nogil": True, "cache": True, "fastmath": {"contract"}}
"""``contract`` lets a product and a sum become one instruction; nothing else is loosened."""


class Layout(NamedTuple):
    """The geometry as arrays for the compiled loops.

    Attributes:
        parts: ``(T, 4)`` row offset, column offset, ring (-1 outside the largest radius) and
            border of the folded parts that the square consists of.
        below: ``(R,)`` the seed below each ring's distance.
        part_above: ``(R,)`` how much of the seed above it counts.
        counts: ``(R,)`` taps of each ring.
        within: ``(m,)`` rings that the kernel of each radius holds.
        corners: ``(m,)`` taps outside each radius.
    """

    parts: NDArray[np.int64]
    below: NDArray[np.int64]
    part_above: NDArray[np.float32]
    counts: NDArray[np.float32]
    within: NDArray[np.int64]
    corners: NDArray[np.float32]


@functools.cache
def layout(levels: int) -> Layout:
    """The geometry for a number of levels."""
    facts = rings(levels)
    index = {squared: ring for ring, squared in enumerate(facts.squared)}
    parts = [
        (i, j, index.get(i * i + j * j, -1), max(i, j))
        for i in range(levels)
        for j in range(levels)
    ]
    below = [math.isqrt(squared) for squared in facts.squared]
    above = [math.sqrt(d) - b for d, b in zip(facts.squared, below, strict=True)]
    return Layout(
        np.array(parts),
        np.array(below),
        np.array(above, np.float32),
        np.array(facts.counts, np.float32),
        np.array([facts.within(radius) for radius in range(levels)]),
        np.array(facts.corners, np.float32),
    )


@numba.njit(**_COMPILED)
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


@numba.njit(**_COMPILED)
def _kernel(seeds, row, radius, tables, values, corner, total, bits):
    """Values of the rings of one radius, of its corners, and their sum, along a row."""
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
        into, count = values[ring], tables.counts[ring]
        for x in range(corner.size):
            total[x] += count * into[x]


@numba.njit(**_COMPILED)
def _row_sums(padded, row, tables, folded, ring_sums, border_sums):
    """The ring sums and the border sums of one colour along a row."""
    pad, width = tables.within.size - 1, ring_sums.shape[1]
    for i in range(pad + 1):
        upper, lower, into = padded[row + pad - i], padded[row + pad + i], folded[i]
        if i == 0:
            into[:] = upper
        else:
            for x in range(into.size):
                into[x] = upper[x] + lower[x]
    ring_sums[:] = np.float32(0.0)
    border_sums[:] = np.float32(0.0)
    for t in range(tables.parts.shape[0]):
        i, j, ring, border = tables.parts[t]
        left = folded[i, pad - j : pad - j + width]
        right = folded[i, pad + j : pad + j + width]
        scale = np.float32(1.0) if j else np.float32(0.5)
        on_border = border_sums[border]
        if ring < 0:
            for x in range(width):
                on_border[x] += scale * (left[x] + right[x])
        else:
            on_ring = ring_sums[ring]
            for x in range(width):
                both = scale * (left[x] + right[x])
                on_ring[x] += both
                on_border[x] += both


@numba.njit(**_COMPILED)
def _add_factors(values, corner, total, level, count, per_ring, per_border):
    """Add one kernel's weights to those of the rings; set those of its square, over ``total``."""
    for x in range(corner.size):
        total[x] = level[x] / total[x]
        per_border[x] = total[x] * corner[x]
    for ring in range(count):
        mine, into = values[ring], per_ring[ring]
        for x in range(corner.size):
            into[x] += total[x] * (mine[x] - corner[x])


@numba.njit(**_COMPILED)
def _cumulate(per_border):
    """The border of a square counts in all larger squares too."""
    for radius in range(per_border.shape[0] - 2, -1, -1):
        inner, outer = per_border[radius], per_border[radius + 1]
        for x in range(inner.size):
            inner[x] += outer[x]


@numba.njit(**_COMPILED)
def forward_rows(padded, seeds, weights, tables, top, bottom, blurred):
    """Rows ``top`` to ``bottom`` of the blurred picture.

    Args:
        padded: ``(C, H + 2 pad, W + 2 pad)`` float32.
        seeds: ``(S, H, W)``.
        weights: ``(m, H, W)``.
        tables: A :class:`Layout`.
        top: First row.
        bottom: Row after the last.
        blurred: ``(C, H, W)``; written.
    """
    levels, _, width = weights.shape
    rings_ = tables.counts.size
    folded = np.empty((levels, padded.shape[2]), np.float32)
    ring_sums = np.empty((rings_, width), np.float32)
    border_sums = np.empty((levels, width), np.float32)
    values = np.empty((rings_, width), np.float32)
    per_ring = np.empty((rings_, width), np.float32)
    per_border = np.empty((levels, width), np.float32)
    corner, total = np.empty(width, np.float32), np.empty(width, np.float32)
    bits = np.empty(width, np.int32)
    for row in range(top, bottom):
        per_ring[:] = np.float32(0.0)
        per_border[0] = weights[0, row]
        for radius in range(1, levels):
            _kernel(seeds, row, radius, tables, values, corner, total, bits)
            level, count = weights[radius, row], tables.within[radius]
            _add_factors(values, corner, total, level, count, per_ring, per_border[radius])
        _cumulate(per_border)
        for colour in range(padded.shape[0]):
            _row_sums(padded[colour], row, tables, folded, ring_sums, border_sums)
            into = blurred[colour, row]
            into[:] = np.float32(0.0)
            for ring in range(rings_):
                part, factor = ring_sums[ring], per_ring[ring]
                for x in range(width):
                    into[x] += part[x] * factor[x]
            for border in range(levels):
                part, factor = border_sums[border], per_border[border]
                for x in range(width):
                    into[x] += part[x] * factor[x]


@numba.njit(**_COMPILED)
def _seed_gradients(seeds, row, radius, tables, values, total, mean, products, of_seeds):
    """Gradients of the seeds of one kernel; ``total`` is the level's weight over the sum."""
    first = (radius * (radius + 1)) // 2 - 1
    for s in range(radius + 1):
        of_seeds[first + s, row] = np.float32(0.0)
    for ring in range(tables.within[radius]):
        near, above = first + tables.below[ring], tables.part_above[ring]
        far = first + min(tables.below[ring] + 1, radius)
        count, mine, product = tables.counts[ring], values[ring], products[ring]
        into_near, into_far = of_seeds[near, row], of_seeds[far, row]
        for x in range(mean.size):
            of_logit = total[x] * mine[x] * (product[x] - count * mean[x])
            into_near[x] += (np.float32(1.0) - above) * of_logit
            into_far[x] += above * of_logit
    for s in range(first, first + radius + 1):
        into, seed = of_seeds[s, row], seeds[s, row]
        for x in range(mean.size):
            into[x] *= np.sign(seed[x])


@numba.njit(**_COMPILED)
def _mean_product(values, corner, total, count, products, per_square, mean):
    """The products' mean under one kernel: the equations' q."""
    for x in range(mean.size):
        mean[x] = corner[x] * per_square[x]
    for ring in range(count):
        mine, product = values[ring], products[ring]
        for x in range(mean.size):
            mean[x] += (mine[x] - corner[x]) * product[x]
    for x in range(mean.size):
        mean[x] /= total[x]


@numba.njit(**_COMPILED)
def _spread_row(grown, tables, per_ring, per_border, share, columns, of_padded, at):
    """Add one colour's gradient along a row to the pixels that it was summed from."""
    levels, width = per_border.shape
    pad = levels - 1
    columns[:] = np.float32(0.0)
    for t in range(tables.parts.shape[0]):
        i, j, ring, border = tables.parts[t]
        outer = per_border[border]
        if ring < 0:
            for x in range(width):
                share[x] = grown[x] * outer[x]
        else:
            inner = per_ring[ring]
            for x in range(width):
                share[x] = grown[x] * (outer[x] + inner[x])
        left = columns[i, pad - j : pad - j + width]
        for x in range(width):
            left[x] += share[x]
        if j:
            right = columns[i, pad + j : pad + j + width]
            for x in range(width):
                right[x] += share[x]
    for offset in range(-pad, levels):
        into, part = of_padded[at + pad + offset], columns[abs(offset)]
        for x in range(into.size):
            into[x] += part[x]


@numba.njit(**_COMPILED)
def backward_rows(
    padded,
    seeds,
    weights,
    tables,
    top,
    bottom,
    grown,
    of_padded,
    of_seeds,
    of_weights,
):
    """Gradients from rows ``top`` to ``bottom`` of the blurred picture's gradient.

    Args:
        padded: As for :func:`forward_rows`, so are ``seeds``, ``weights`` and ``tables``.
        seeds: See there.
        weights: See there.
        tables: See there.
        top: First row.
        bottom: Row after the last.
        grown: ``(C, H, W)``.
        of_padded: ``(C, bottom - top + 2 pad, W + 2 pad)``; added to.
        of_seeds: As ``seeds``; these rows are written.
        of_weights: As ``weights``; these rows are written.
    """
    levels, _, width = weights.shape
    rings_, colours = tables.counts.size, padded.shape[0]
    folded = np.empty((levels, padded.shape[2]), np.float32)
    ring_sums = np.empty((rings_, width), np.float32)
    border_sums = np.empty((levels, width), np.float32)
    products = np.empty((rings_, width), np.float32)
    squares = np.empty((levels, width), np.float32)
    values = np.empty((rings_, width), np.float32)
    per_ring = np.empty((rings_, width), np.float32)
    per_border = np.empty((levels, width), np.float32)
    corner, total = np.empty(width, np.float32), np.empty(width, np.float32)
    bits = np.empty(width, np.int32)
    for row in range(top, bottom):
        products[:] = np.float32(0.0)
        squares[:] = np.float32(0.0)
        for colour in range(colours):
            _row_sums(padded[colour], row, tables, folded, ring_sums, border_sums)
            gradient = grown[colour, row]
            for ring in range(rings_):
                part, into = ring_sums[ring], products[ring]
                for x in range(width):
                    into[x] += part[x] * gradient[x]
            for border in range(levels):
                part, into = border_sums[border], squares[border]
                for x in range(width):
                    into[x] += part[x] * gradient[x]
        for border in range(1, levels):
            inner, into = squares[border - 1], squares[border]
            for x in range(width):
                into[x] += inner[x]
        of_weights[0, row] = squares[0]
        per_ring[:] = np.float32(0.0)
        per_border[0] = weights[0, row]
        for radius in range(1, levels):
            _kernel(seeds, row, radius, tables, values, corner, total, bits)
            level, count, mean = (
                weights[radius, row],
                tables.within[radius],
                of_weights[radius, row],
            )
            _mean_product(values, corner, total, count, products, squares[radius], mean)
            _add_factors(values, corner, total, level, count, per_ring, per_border[radius])
            _seed_gradients(seeds, row, radius, tables, values, total, mean, products, of_seeds)
        _cumulate(per_border)
        for colour in range(colours):
            _spread_row(
                grown[colour, row], tables, per_ring, per_border, corner, folded,
                of_padded[colour], row - top,
            )  # fmt: skip
