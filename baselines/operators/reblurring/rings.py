"""Geometry of isotropic kernels: rings of taps with equal distance, and their logits.

Kernels of all sizes share sums of rings and squares: 24 and 8 up to radius 7 instead of 680 taps.
"""

import functools
import math
from collections import Counter
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rings:
    """Facts about the kernels of radius 0 (the picture itself) to ``levels - 1``."""

    # ``squared`` distances ascend from 0; ``counts`` are taps of each ring in the largest square,
    # ``corners`` by radius those of the square that lie outside it.

    levels: int
    squared: tuple[int, ...]
    counts: tuple[int, ...]
    corners: tuple[int, ...]

    @property
    def units(self) -> tuple[tuple[int, int, int | None], ...]:
        """The folded square's positions (i, j), i >= j, with the index of their ring."""
        # A unit stands for all taps at (±i, ±j) and (±j, ±i): they lie on one ring (None outside
        # the largest radius) and on the border of the square of radius i.
        index = {squared: ring for ring, squared in enumerate(self.squared)}
        units: list[tuple[int, int, int | None]] = []
        for i in range(self.levels):
            for j in range(i + 1):
                ring = index.get(i * i + j * j)
                units.append((i, j, ring))
        return tuple(units)

    @property
    def between(self) -> tuple[tuple[int, float], ...]:
        """The radial sample below each ring's distance, and the weight of the next one."""
        between = []
        for squared in self.squared:
            below = math.isqrt(squared)
            between.append((below, math.sqrt(squared) - below))
        return tuple(between)

    @property
    def radius(self) -> int:
        """Radius of the largest kernel, px."""
        return self.levels - 1

    def within(self, radius: int) -> int:
        """How many of the rings a kernel of that radius holds."""
        return sum(squared <= radius**2 for squared in self.squared)


def seed_count(levels: int) -> int:
    """Radial samples of all kernels: 2 + 3 + … + levels; 35 for the paper's 8 levels."""
    return sum(range(2, levels + 1))


@functools.cache
def rings(levels: int) -> Rings:
    """The geometry for a number of levels, >= 2."""
    radius = levels - 1
    offsets = range(-radius, levels)
    taps = Counter(i * i + j * j for i, j in product(offsets, offsets))
    squared = [distance for distance in sorted(taps) if distance <= radius**2]
    counts = [taps[distance] for distance in squared]
    corners = []
    for r in range(levels):
        in_disc = sum(taps[distance] for distance in squared if distance <= r * r)
        corners.append((2 * r + 1) ** 2 - in_disc)
    return Rings(levels, tuple(squared), tuple(counts), tuple(corners))


@functools.cache
def interpolation(
    levels: int,
    radius: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """From one kernel's radial samples to its logits at each ring's distance; rows sum to 1."""
    facts = rings(levels)
    matrix = torch.zeros(facts.within(radius), radius + 1, dtype=torch.float64)
    for ring, (below, above) in enumerate(facts.between[: len(matrix)]):
        matrix[ring, below] = 1.0 - above
        if above > 0:
            matrix[ring, below + 1] = above
    return matrix.to(device, dtype)


@functools.cache
def tap_counts(levels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """``(R, 1)``: how many taps each ring has."""
    return torch.tensor(rings(levels).counts, device=device, dtype=dtype)[:, None]
