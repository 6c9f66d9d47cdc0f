"""Standard errors of statistics over correlated pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLOCKS = (6, 8)
"""Rows and columns of blocks, wide enough that the errors of neighbours are about independent."""
ROUNDS = 80
SAMPLES = 6000


def sample_places(
    shape: tuple[int, ...],
) -> tuple[tuple[slice, slice], NDArray[np.int_], NDArray[np.int_]]:
    """A regular grid of at most about :data:`SAMPLES` pixels: as an index, its rows and columns."""
    height, width = shape
    step = max(1, int(np.sqrt(height * width / SAMPLES)))
    every = slice(step // 2, None, step)
    rows = np.arange(height)[every]
    columns = np.arange(width)[every]
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return (every, every), y, x


def blocks_of(
    rows: NDArray[np.integer[Any]],
    columns: NDArray[np.integer[Any]],
    shape: tuple[int, ...],
) -> NDArray[np.int_]:
    """Number of the picture block in which each pixel lies."""
    down = (rows * BLOCKS[0] / shape[0]).astype(int)
    across = (columns * BLOCKS[1] / shape[1]).astype(int)
    return np.asarray(down * BLOCKS[1] + across)


def each_block(blocks: NDArray[np.int_]) -> Iterator[NDArray[np.bool_]]:
    """The samples of each block, as a mask."""
    return (blocks == block for block in np.unique(blocks))


@dataclass(frozen=True)
class BlockDraws:
    """The resamples of a block bootstrap, as indices of samples.

    Source: Künsch, The jackknife and the bootstrap for general stationary observations (1989)."""

    members: list[NDArray[np.int_]]  # indices of the samples of each block

    @classmethod
    def of(cls, blocks: NDArray[np.int_]) -> "BlockDraws":
        """The draws for samples whose block numbers are known."""
        order = np.argsort(blocks, kind="stable")
        starts = np.flatnonzero(np.diff(blocks[order])) + 1
        return cls(np.split(order, starts))

    def __iter__(self) -> Iterator[NDArray[np.int_]]:
        """Each resample; they are the same every time."""
        rng = np.random.default_rng(0)
        count = len(self.members)
        for row in rng.integers(0, count, (ROUNDS, count)):
            yield np.concatenate([self.members[k] for k in row])

    def sigma(self, values: Sequence[Array | float]) -> Array:
        """Standard error (1 σ) of a statistic by its value for each resample; NaN is ignored."""
        # as many blocks as are drawn share one mean: their scatter is too small by this much
        count = len(self.members)
        correction = np.sqrt(count / max(count - 1, 1))
        scatter = np.nanstd(np.array(values), axis=0)
        return np.asarray(scatter * correction)


def drawn_equations(
    equations: Sequence[tuple[Array, Array]],
) -> tuple[BlockDraws, list[tuple[Array, Array]]]:
    """Resamples of normal equations, one for each block, and the sums of each resample."""
    draws = BlockDraws.of(np.arange(len(equations)))
    matrices = np.stack([matrix for matrix, _ in equations])
    rights = np.stack([right for _, right in equations])
    sums = []
    for drawn in draws:
        total = matrices[drawn].sum(axis=0), rights[drawn].sum(axis=0)
        sums.append(total)
    return draws, sums


def huber_weights(distance: Array, limit: float) -> Array:
    """1 up to a limit, and beyond it the less the larger a distance is (Huber)."""
    return np.minimum(1.0, limit / np.maximum(distance, 1e-12))
