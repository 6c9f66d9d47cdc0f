"""Standard errors of statistics over correlated pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from defocus.align.arrays import Doubles, Indices, Mask, Shape

BLOCKS = (6, 8)
"""Rows and columns of blocks, wide enough that the errors of neighbours are about independent."""
ROUNDS = 80
SAMPLES = 6000


def sample_places(
    shape: Shape,
) -> tuple[tuple[slice, slice], Indices, Indices]:
    """A regular grid of at most about :data:`SAMPLES` pixels: as an index, its rows and columns."""
    height, width = shape
    pixels_per_sample = height * width / SAMPLES
    step = max(1, int(np.sqrt(pixels_per_sample)))
    every = slice(step // 2, None, step)
    rows = np.arange(height)[every]
    columns = np.arange(width)[every]
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return (every, every), y, x


def blocks_of(
    rows: Indices,
    columns: Indices,
    shape: Shape,
) -> Indices:
    """Number of the picture block in which each pixel lies."""
    blocks_down, blocks_across = BLOCKS
    down = (rows * blocks_down / shape[0]).astype(int)
    across = (columns * blocks_across / shape[1]).astype(int)
    return np.asarray(down * blocks_across + across)


def each_block(blocks: Indices) -> Iterator[Mask]:
    """The samples of each block, as a mask."""
    for block in np.unique(blocks):
        yield blocks == block


@dataclass(frozen=True)
class BlockDraws:
    """The resamples of a block bootstrap, as indices of samples.

    Source: Künsch, The jackknife and the bootstrap for general stationary observations (1989)."""

    members: list[Indices]  # indices of the samples of each block

    @classmethod
    def of(cls, blocks: Indices) -> "BlockDraws":
        """The draws for samples whose block numbers are known."""
        order = np.argsort(blocks, kind="stable")
        changes = np.diff(blocks[order])
        starts = np.flatnonzero(changes) + 1
        return cls(np.split(order, starts))

    def __iter__(self) -> Iterator[Indices]:
        """Each resample; they are the same every time."""
        rng = np.random.default_rng(0)
        count = len(self.members)
        for row in rng.integers(0, count, (ROUNDS, count)):
            yield np.concatenate([self.members[k] for k in row])

    def sigma(self, values: Sequence[Doubles | float]) -> Doubles:
        """Standard error (1 σ) of a statistic by its value for each resample; NaN is ignored."""
        # as many blocks as are drawn share one mean: their scatter is too small by this much
        count = len(self.members)
        ratio = count / max(count - 1, 1)
        correction = np.sqrt(ratio)
        scatter = np.nanstd(np.array(values), axis=0)
        return np.asarray(scatter * correction)


def drawn_equations(
    equations: Sequence[tuple[Doubles, Doubles]],
) -> tuple[BlockDraws, list[tuple[Doubles, Doubles]]]:
    """Resamples of normal equations, one for each block, and the sums of each resample."""
    draws = BlockDraws.of(np.arange(len(equations)))
    matrices = np.stack([matrix for matrix, _ in equations])
    rights = np.stack([right for _, right in equations])
    sums = []
    for drawn in draws:
        total = matrices[drawn].sum(axis=0), rights[drawn].sum(axis=0)
        sums.append(total)
    return draws, sums


def huber_weights(distance: Doubles, limit: float) -> Doubles:
    """1 up to a limit, and beyond it the less the larger a distance is (Huber)."""
    positive = np.maximum(distance, 1e-12)
    return np.minimum(1.0, limit / positive)
