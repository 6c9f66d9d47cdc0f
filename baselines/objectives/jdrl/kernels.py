"""The reblurring operator: per-pixel isotropic kernels, applied by sums over rings.

An isotropic kernel has one value for all taps at one distance, and up to radius 7 there are 24
distances. So the picture is summed over 24 rings and 7 squares once, for all kernel sizes, and each
pixel only weighs those 31 sums: 80 exponentials instead of 679 taps. The literal form, kernel by
kernel and tap by tap, is the twin that the tests compare with.
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch.nn import functional

__all__ = ["LARGEST_RADIUS", "LEVELS", "SEEDS", "blur_levels", "isotropic_reblur"]

LEVELS = 8
"""m: blur levels, the identity among them."""
LARGEST_RADIUS = LEVELS - 1
"""px; kernels are 3 × 3 to 15 × 15."""
SEEDS = sum(range(2, LEVELS + 1))
"""Radial samples of all kernels: 2 + 3 + … + 8 = 35."""
SQUARED_DISTANCES = sorted(
    {i * i + j * j for i in range(LEVELS) for j in range(LEVELS)}
    & set(range(LARGEST_RADIUS**2 + 1))
)
"""Of the 24 rings that the largest radius holds."""


@dataclass(frozen=True)
class _Rings:
    """Constant matrices between seeds, rings and filters; a row of ``logits`` per (radius, ring).

    Attributes:
        logits: ``(80, 35)`` linear interpolation of the seeds at each ring's distance.
        radius: ``(80,)`` index (radius - 1) of the kernel that each row belongs to.
        taps: ``(7, 80)`` how many taps each row stands for, in its own kernel's row.
        corners: ``(7,)`` taps of each square kernel that lie outside its radius.
        merge: ``(24, 80)`` which rows share a ring.
    """

    logits: torch.Tensor
    radius: torch.Tensor
    taps: torch.Tensor
    corners: torch.Tensor
    merge: torch.Tensor


@functools.cache
def _rings(device: torch.device, dtype: torch.dtype) -> _Rings:
    side = 2 * LARGEST_RADIUS + 1
    steps = torch.arange(side) - LARGEST_RADIUS
    squared = steps[:, None] ** 2 + steps[None, :] ** 2
    rows = [(r, d) for r in range(1, LEVELS) for d in SQUARED_DISTANCES if d <= r * r]
    logits, taps = torch.zeros(len(rows), SEEDS), torch.zeros(LARGEST_RADIUS, len(rows))
    merge = torch.zeros(len(SQUARED_DISTANCES), len(rows))
    for row, (radius, d) in enumerate(rows):
        first_seed = sum(range(2, radius + 1))
        distance = math.sqrt(d)
        below = math.isqrt(d)
        logits[row, first_seed + below] = 1.0 - (distance - below)
        if distance > below:
            logits[row, first_seed + below + 1] = distance - below
        taps[radius - 1, row] = int((squared == d).sum())
        merge[SQUARED_DISTANCES.index(d), row] = 1.0
    sides = torch.arange(3, side + 1, 2)
    make = functools.partial(torch.Tensor.to, device=device, dtype=dtype)
    return _Rings(
        logits=make(logits),
        radius=torch.tensor([radius - 1 for radius, _ in rows], device=device),
        taps=make(taps),
        corners=make(sides**2 - taps.sum(1)),
        merge=make(merge),
    )


def isotropic_reblur(
    image: torch.Tensor, seeds: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Weighted sum of the picture and its seven per-pixel isotropically blurred versions.

    The kernel of radius r has the value softmax(l) over its (2r+1)² taps, where l at distance rho
    is |seed| interpolated linearly at rho, and 0 where rho > r: after the softmax the corners keep
    a share, as in the released code. Outside the frame the picture is 0, also as there.

    Args:
        image: ``(N, C, H, W)`` float.
        seeds: ``(N, 35, H, W)`` radial samples of radius 1 (2 of them), 2 (3), … 7 (8).
        weights: ``(N, 8, H, W)`` of the picture itself, then of radius 1 to 7.

    Returns:
        ``(N, C, H, W)``; differentiable with respect to all three.

    Source: JDRL (AAAI 2023), section 3.2 and its released code; the reformulation is exact.
    """
    rings = _rings(image.device, image.dtype)
    samples = seeds.abs()
    radii = torch.split(samples.detach(), list(range(2, LEVELS + 1)), dim=1)
    peaks = torch.stack([one.amax(1) for one in radii], dim=1)  # of no effect; keeps exp in range
    values = torch.exp(_mix(rings.logits, samples) - peaks[:, rings.radius])
    corner = torch.exp(-peaks)
    total = _mix(rings.taps, values) + rings.corners[:, None, None] * corner
    share = weights[:, 1:] / total
    per_ring = _mix(rings.merge, share[:, rings.radius] * (values - corner[:, rings.radius]))
    factors = torch.cat([per_ring[:, :1] + weights[:, :1], per_ring[:, 1:], share * corner], dim=1)
    return (factors[:, None] * _ring_and_square_sums(image)).sum(dim=2)


def _ring_and_square_sums(image: torch.Tensor) -> torch.Tensor:
    """Sums of the picture over the 24 rings, then over the squares 3 × 3 to 15 × 15.

    Returns:
        ``(N, C, 31, H, W)``.
    """
    height, width = image.shape[-2:]
    pad = LARGEST_RADIUS
    padded = functional.pad(image, (pad, pad, pad, pad))
    columns = [_fold(padded, j, width, -1) for j in range(LEVELS)]
    rings: dict[int, torch.Tensor] = {}
    squares: list[torch.Tensor] = []
    for k in range(LEVELS):  # the border of the square of radius k, in its four mirrored parts
        border = [_fold(columns[j], i, height, -2) for i, j in _border(k)]
        for (i, j), part in zip(_border(k), border, strict=True):
            distance = i * i + j * j
            rings[distance] = rings[distance] + part if distance in rings else part
        squares.append(sum(border, squares[-1] if squares else torch.zeros_like(image)))
    parts = [rings[distance] for distance in SQUARED_DISTANCES] + squares[1:]
    return torch.stack(parts, dim=2)


def _border(radius: int) -> list[tuple[int, int]]:
    """(row, column) offsets, not negative, with the larger one equal to ``radius``."""
    side = [(radius, j) for j in range(radius)]
    return [*side, *[(j, i) for i, j in side], (radius, radius)]


def _fold(padded: torch.Tensor, offset: int, size: int, axis: int) -> torch.Tensor:
    """Sum of the two shifts by ``offset`` along an axis, without the padding on it."""
    after = padded.narrow(axis, LARGEST_RADIUS + offset, size)
    return after if offset == 0 else after + padded.narrow(axis, LARGEST_RADIUS - offset, size)


def blur_levels(image: torch.Tensor, seeds: torch.Tensor) -> torch.Tensor:
    """The seven blurred versions by themselves.

    Args:
        image: ``(N, C, H, W)`` float.
        seeds: ``(N, 35, H, W)``, as for :func:`isotropic_reblur`.

    Returns:
        ``(7, N, C, H, W)``: kernels 3 × 3 to 15 × 15.
    """
    count, _, height, width = image.shape
    choose = torch.eye(LEVELS, dtype=image.dtype, device=image.device)[1:, None, :, None, None]
    return torch.stack(
        [isotropic_reblur(image, seeds, w.expand(count, -1, height, width)) for w in choose]
    )


def _mix(matrix: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Linear combinations of channels: ``(O, I)`` and ``(N, I, H, W)`` to ``(N, O, H, W)``."""
    return functional.conv2d(maps, matrix[:, :, None, None])
