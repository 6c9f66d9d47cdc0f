"""Triton kernels of the reblurring operator; each program handles part of a row.

``maps`` holds one per ring, then one per square; for ``tables`` see ``triton_path``."""
# ruff: noqa: ANN001, ANN201, ANN202 - Triton reads annotations as its own
# ruff: noqa: ARG001 - all kernels take the tables and sizes in one order
# ruff: noqa: RUF059 - a kernel takes of its place what it needs
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import triton
import triton.language as tl

__all__ = ["factor_kernel", "gather_kernel", "gradient_kernel", "product_kernel"]


@triton.jit
def _place(width, BLOCK: tl.constexpr):
    """Picture, row, columns, which of these exist, and their place in a map."""
    columns = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    row = tl.program_id(1)
    return (
        tl.program_id(2).to(tl.int64),
        row,
        columns,
        columns < width,
        row * width + columns,
    )


@triton.jit
def _magnitude(seeds, index, mask, at, exists, plane):
    """Magnitudes of the seeds ``index`` ``(LEVELS, 1)`` at the pixels; 0 if there is none."""
    place = index * plane + at[None, :]
    return tl.abs(tl.load(seeds + place, mask=mask & exists[None, :], other=0.0))


@triton.jit
def _values(seeds, ring, peak, radius, below, above, at, exists, plane):
    """Values of one ring in the kernels of all radii, before their division by the total."""
    first = radius * (radius + 1) // 2 - 1
    under = tl.load(below + ring)
    mask = (radius > 0) & (under <= radius)
    low = _magnitude(seeds, first + under, mask, at, exists, plane)
    over = tl.minimum(under + 1, radius)
    high = _magnitude(seeds, first + over, mask, at, exists, plane)
    return tl.exp(low + tl.load(above + ring) * (high - low) - peak)


@triton.jit
def _totals(
    seeds, start, end, below, above, sizes, corners, at, exists, plane,
    M: tl.constexpr, LEVELS: tl.constexpr, RINGS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Radius and size of each kernel ``(LEVELS, 1)``; peak, corner and total of its values."""
    # The picture itself is a kernel of radius 0 (logit 0, no corners): all levels are in one tile
    # of registers, and each ring costs one exponential of that tile.
    radius = tl.arange(0, LEVELS)[:, None]
    size = tl.load(sizes + radius, mask=radius < M, other=0)
    first = radius * (radius + 1) // 2 - 1
    peak = tl.zeros((LEVELS, BLOCK), tl.float32)
    for sample in range(M):
        mask = (radius > 0) & (radius < M) & (sample <= radius)
        peak = tl.maximum(
            peak, _magnitude(seeds, first + sample, mask, at, exists, plane)
        )
    corner = tl.exp(-peak)
    total = corner * tl.load(corners + radius, mask=radius < M, other=1.0)
    for ring in range(RINGS):
        count = tl.load(end + ring) - tl.load(start + ring)
        values = _values(seeds, ring, peak, radius, below, above, at, exists, plane)
        total += tl.where(ring < size, values * count, 0.0)
    return radius, size, peak, corner, total


@triton.jit
def factor_kernel(
    seeds, weights, maps, taps, start, end, below, above, sizes, corners, first_ring,
    height, width, colours,
    M: tl.constexpr, LEVELS: tl.constexpr, RINGS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Weights of each ring's and each border's sum at each pixel, into ``maps``."""
    picture, row, columns, exists, at = _place(width, BLOCK)
    plane = height * width
    seeds += picture * (M * (M + 1) // 2 - 1) * plane
    weights += picture * M * plane
    maps += picture * (RINGS + M) * plane
    radius, size, peak, corner, total = _totals(
        seeds,
        start,
        end,
        below,
        above,
        sizes,
        corners,
        at,
        exists,
        plane,
        M,
        LEVELS,
        RINGS,
        BLOCK,
    )
    level_mask = (radius < M) & exists[None, :]
    share = (
        tl.load(weights + radius * plane + at[None, :], mask=level_mask, other=0.0)
        / total
    )
    for ring in range(RINGS):
        values = _values(seeds, ring, peak, radius, below, above, at, exists, plane)
        factor = tl.sum(tl.where(ring < size, share * (values - corner), 0.0), axis=0)
        tl.store(maps + ring * plane + at, factor, mask=exists)
    for border in range(M):  # the border of a square counts in all larger squares too
        factor = tl.sum(tl.where(radius >= border, share * corner, 0.0), axis=0)
        tl.store(maps + (RINGS + border) * plane + at, factor, mask=exists)


@triton.jit
def _tap(
    image,
    taps,
    tap,
    row,
    columns,
    exists,
    height,
    width,
    colours,
    COLOURS: tl.constexpr,
):
    """The picture under one tap ``(COLOURS, BLOCK)``, 0 outside; which pixels, and their place."""
    # a whole row of them, as masks must be
    down = columns * 0 + row + tl.load(taps + 2 * tap)
    across = columns + tl.load(taps + 2 * tap + 1)
    inside = exists & (down >= 0) & (down < height) & (across >= 0) & (across < width)
    place = down * width + across
    colour = tl.arange(0, COLOURS)[:, None]
    mask = (colour < colours) & inside[None, :]
    return (
        tl.load(image + colour * height * width + place[None, :], mask, 0.0),
        inside,
        place,
    )


@triton.jit
def gather_kernel(
    image, maps, gathered, taps, start, end, below, above, sizes, corners, first_ring,
    height, width, colours,
    M: tl.constexpr, LEVELS: tl.constexpr, RINGS: tl.constexpr, BLOCK: tl.constexpr,
    COLOURS: tl.constexpr, TRANSPOSED: tl.constexpr,
):  # fmt: skip
    """Sums over rings and borders, weighed by the maps: at the result, or where they come from."""
    picture, row, columns, exists, at = _place(width, BLOCK)
    plane = height * width
    image += picture * colours * plane
    gathered += picture * colours * plane
    maps += picture * (RINGS + M) * plane
    result = tl.zeros((COLOURS, BLOCK), tl.float32)
    for part in range(RINGS + M):
        total = tl.zeros((COLOURS, BLOCK), tl.float32)
        for tap in range(tl.load(start + part), tl.load(end + part)):
            value, inside, place = _tap(
                image, taps, tap, row, columns, exists, height, width, colours, COLOURS
            )
            if TRANSPOSED:
                value *= tl.load(maps + part * plane + place, mask=inside, other=0.0)[
                    None, :
                ]
            total += value
        if not TRANSPOSED:
            total *= tl.load(maps + part * plane + at, mask=exists, other=0.0)[None, :]
        result += total
    colour = tl.arange(0, COLOURS)[:, None]
    mask = (colour < colours) & exists[None, :]
    tl.store(gathered + colour * plane + at[None, :], result, mask=mask)


@triton.jit
def product_kernel(
    image, grown, maps, taps, start, end, below, above, sizes, corners, first_ring,
    height, width, colours,
    M: tl.constexpr, LEVELS: tl.constexpr, RINGS: tl.constexpr, BLOCK: tl.constexpr,
    COLOURS: tl.constexpr,
):  # fmt: skip
    """Ring sums, then square sums, times the gradient, over the colours, into ``maps``."""
    picture, row, columns, exists, at = _place(width, BLOCK)
    plane = height * width
    image += picture * colours * plane
    maps += picture * (RINGS + M) * plane
    colour = tl.arange(0, COLOURS)[:, None]
    mask = (colour < colours) & exists[None, :]
    place = picture * colours * plane + colour * plane + at[None, :]
    gradient = tl.load(grown + place, mask=mask, other=0.0)
    square = tl.zeros((BLOCK,), tl.float32)
    for part in range(RINGS + M):
        total = tl.zeros((COLOURS, BLOCK), tl.float32)
        for tap in range(tl.load(start + part), tl.load(end + part)):
            value, _, _ = _tap(
                image, taps, tap, row, columns, exists, height, width, colours, COLOURS
            )
            total += value
        product = tl.sum(total * gradient, axis=0)
        square += tl.where(part < RINGS, 0.0, product)
        tl.store(
            maps + part * plane + at,
            tl.where(part < RINGS, product, square),
            mask=exists,
        )


@triton.jit
def gradient_kernel(
    seeds, weights, maps, of_seeds, of_weights,
    taps, start, end, below, above, sizes, corners, first_ring, height, width, colours,
    M: tl.constexpr, LEVELS: tl.constexpr, RINGS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of the seeds and of the levels' weights, from the products in ``maps``."""
    picture, row, columns, exists, at = _place(width, BLOCK)
    plane = height * width
    of_picture = picture * (M * (M + 1) // 2 - 1) * plane
    seeds += of_picture
    of_seeds += of_picture
    maps += picture * (RINGS + M) * plane
    radius, size, peak, corner, total = _totals(
        seeds,
        start,
        end,
        below,
        above,
        sizes,
        corners,
        at,
        exists,
        plane,
        M,
        LEVELS,
        RINGS,
        BLOCK,
    )
    level_mask = (radius < M) & exists[None, :]
    level_at = radius * plane + at[None, :]
    mean = corner * tl.load(maps + RINGS * plane + level_at, mask=level_mask, other=0.0)
    for ring in range(RINGS):
        values = _values(seeds, ring, peak, radius, below, above, at, exists, plane)
        product = tl.load(maps + ring * plane + at, mask=exists, other=0.0)[None, :]
        mean += tl.where(ring < size, (values - corner) * product, 0.0)
    mean /= total
    levels_of = picture * M * plane
    tl.store(of_weights + levels_of + level_at, mean, mask=level_mask)
    share = tl.load(weights + levels_of + level_at, mask=level_mask, other=0.0) / total
    first = radius * (radius + 1) // 2 - 1
    for sample in range(M):
        gradient = tl.zeros((LEVELS, BLOCK), tl.float32)
        nearest = tl.load(first_ring + tl.maximum(sample - 1, 0))
        for ring in range(nearest, tl.load(first_ring + sample + 1)):
            part = tl.load(above + ring)
            part = tl.where(tl.load(below + ring) == sample, 1.0 - part, part)
            count = tl.load(end + ring) - tl.load(start + ring)
            values = _values(seeds, ring, peak, radius, below, above, at, exists, plane)
            product = tl.load(maps + ring * plane + at, mask=exists, other=0.0)[None, :]
            of_logit = share * values * (product - count * mean)
            gradient += tl.where(ring < size, part * of_logit, 0.0)
        mask = (radius > 0) & (sample <= radius) & level_mask
        place = (first + sample) * plane + at[None, :]
        seed = tl.load(seeds + place, mask=mask, other=0.0)
        sign = tl.where(seed > 0.0, 1.0, tl.where(seed < 0.0, -1.0, 0.0))
        tl.store(of_seeds + place, gradient * sign, mask=mask)
