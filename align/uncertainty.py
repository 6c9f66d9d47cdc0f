"""Standard errors of statistics over correlated pixels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLOCKS = (6, 8)
"""Rows and columns of blocks: wide enough that errors of neighbours are about independent."""
ROUNDS = 80
SAMPLES = 6000


def sample_grid(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """A regular grid of at most about :data:`SAMPLES` pixels of a picture, as an index."""
    step = max(1, int(np.sqrt(shape[0] * shape[1] / SAMPLES)))
    return slice(step // 2, None, step), slice(step // 2, None, step)


def blocks_of(
    rows: NDArray[np.integer[Any]], columns: NDArray[np.integer[Any]], shape: tuple[int, ...]
) -> NDArray[np.int_]:
    """Number of the picture block in which each pixel lies."""
    down = (rows * BLOCKS[0] / shape[0]).astype(int)
    return np.asarray(down * BLOCKS[1] + (columns * BLOCKS[1] / shape[1]).astype(int))


def equations_sigma(
    blocks: NDArray[np.int_],
    normal: Callable[[NDArray[np.bool_]], tuple[Array, Array]],
    solve: Callable[[Array, Array], Array],
) -> Array:
    """Standard errors of what normal equations say, which are those of some samples each."""
    equations = [normal(blocks == block) for block in np.unique(blocks)]
    matrices, rights = (np.stack(sides) for sides in zip(*equations, strict=True))
    return block_sigma(
        np.arange(len(equations)), lambda i: solve(matrices[i].sum(axis=0), rights[i].sum(axis=0))
    )


def block_sigma(
    blocks: NDArray[np.int_], statistic: Callable[[NDArray[np.int_]], Array | float]
) -> Array:
    """Standard error (1 σ) of a statistic by a block bootstrap; resamples of NaN are ignored.

    Source: Künsch, The jackknife and the bootstrap for general stationary observations (1989)."""
    order = np.argsort(blocks, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(members), (ROUNDS, len(members)))
    values = [statistic(np.concatenate([members[k] for k in row])) for row in drawn]
    # as many blocks as are drawn share one mean: their scatter is too small by this much
    correction = np.sqrt(len(members) / max(len(members) - 1, 1))
    return np.asarray(np.nanstd(np.array(values), axis=0) * correction)
