"""Grid of field positions between which PSFs are interpolated."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Zone", "field_zones"]

PER_SIDE = 5
ROUNDING = 1e-9

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Zone:
    """One place in the field with its weight for each pixel, the product of a row's and a column's.

    Attributes:
        place: (x, y) relative to the picture's centre, 1 = distance of the corner.
        rows, columns: ``(H,)`` and ``(W,)`` in [0, 1]; the weights of all zones add up to 1.
    """

    place: tuple[float, float]
    rows: Array
    columns: Array

    @property
    def weight(self) -> Array:
        """``(H, W)`` in [0, 1]."""
        return np.outer(self.rows, self.columns)


def field_zones(
    shape: tuple[int, ...],
    *,
    margin_px: int = 0,
    grid: tuple[int, int] = (PER_SIDE, PER_SIDE),
    at: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> list[Zone]:
    """The zones of a picture (height, width) on a grid of places.

    The picture may have a margin, whose places beyond the corner are as the corner; ``at`` gives
    the rows and columns that the weights are for, which off the picture are those of its border.
    """
    height, width = shape
    half_diagonal = math.hypot(width - 1 - 2 * margin_px, height - 1 - 2 * margin_px) / 2
    positions = (np.arange(height), np.arange(width)) if at is None else at
    rows, columns = (
        _hats(np.clip(one / max(side - 1, 1), 0, 1), count)
        for one, side, count in zip(positions, shape, grid, strict=True)
    )
    down, across = (
        np.linspace(-0.5, 0.5, n) * (side - 1) for n, side in zip(grid, shape, strict=True)
    )
    return [
        Zone(_in_field(float(x) / half_diagonal, float(y) / half_diagonal), row, column)
        for y, row in zip(down, rows, strict=True)
        for x, column in zip(across, columns, strict=True)
    ]


def _in_field(x: float, y: float) -> tuple[float, float]:
    """The place, or that at the edge of the field in its direction."""
    out = math.hypot(x, y)
    return (x, y) if out <= 1.0 + ROUNDING else (x / out, y / out)


def _hats(position: NDArray[Any], count: int) -> Array:
    """Linear interpolation weights of the places at positions in [0, 1], ``(count, N)``."""
    return np.clip(1.0 - np.abs(position * (count - 1) - np.arange(count)[:, None]), 0.0, 1.0)
