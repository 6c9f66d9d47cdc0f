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
    step = max(1, int(np.sqrt(shape[0] * shape[1] / SAMPLES)))
    index = slice(step // 2, None, step), slice(step // 2, None, step)
    rows, columns = (np.arange(n)[i] for n, i in zip(shape, index, strict=True))
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return index, y, x


def blocks_of(
    rows: NDArray[np.integer[Any]],
    columns: NDArray[np.integer[Any]],
    shape: tuple[int, ...],
) -> NDArray[np.int_]:
    """Number of the picture block in which each pixel lies."""
    down = (rows * BLOCKS[0] / shape[0]).astype(int)
    return np.asarray(down * BLOCKS[1] + (columns * BLOCKS[1] / shape[1]).astype(int))


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
        return cls(np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1))

    def __iter__(self) -> Iterator[NDArray[np.int_]]:
        """Each resample; they are the same every time."""
        rng = np.random.default_rng(0)
        for row in rng.integers(0, len(self.members), (ROUNDS, len(self.members))):
            yield np.concatenate([self.members[k] for k in row])

    def sigma(self, values: Sequence[Array | float]) -> Array:
        """Standard error (1 σ) of a statistic by its value for each resample; NaN is ignored."""
        # as many blocks as are drawn share one mean: their scatter is too small by this much
        correction = np.sqrt(len(self.members) / max(len(self.members) - 1, 1))
        return np.asarray(np.nanstd(np.array(values), axis=0) * correction)


def drawn_equations(
    equations: Sequence[tuple[Array, Array]],
) -> tuple[BlockDraws, list[tuple[Array, Array]]]:
    """Resamples of normal equations, one for each block, and the sums of each resample."""
    draws = BlockDraws.of(np.arange(len(equations)))
    matrices, rights = (np.stack(sides) for sides in zip(*equations, strict=True))
    return draws, [(matrices[i].sum(axis=0), rights[i].sum(axis=0)) for i in draws]
