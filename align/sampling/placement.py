"""Map from pixels of the blurry picture to positions in the sharp one, all transforms combined."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from defocus.align.rig.rig import Rig
from defocus.align.sampling.kernels import field_at

__all__ = ["LocalFlow", "Placement"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LocalFlow:
    """Displacement beyond the global transform, px of the full picture, on a reduced grid."""

    field: NDArray[np.float32]  # ``(2, h, w)`` float32, px of the full picture, on the reduced grid
    factor: int

    @cached_property
    def moves(self) -> bool:
        """Whether it displaces anything."""
        return bool(self.field.any())

    def at(self, x: Array, y: Array) -> Array:
        """``(2, …)`` displacement at positions of the full picture."""
        offset = 0.5 / self.factor - 0.5
        return field_at(self.field, (x / self.factor + offset, y / self.factor + offset))


@dataclass(frozen=True)
class Placement:
    """Map from positions in the blurry picture to positions in the sharp one, by way of any rig."""

    matrix: Array  # ``(3, 3)`` homogeneous transform of the whole picture
    local: LocalFlow | None = None  # local flow added to the transform; None for none
    rig: Rig | None = None

    def __call__(self, columns: Array, rows: Array) -> tuple[Array, Array]:
        """X and y in the sharp picture, each ``(R, C)``, of the grid of these columns and rows."""
        xs, ys = (_sums(row, columns, rows) for row in self.matrix[:2])
        if tuple(self.matrix[2]) != (0, 0, 1):
            below = _sums(self.matrix[2], columns, rows)
            xs, ys = xs / below, ys / below
        if self.local is not None and self.local.moves:
            step = self.local.at(*np.broadcast_arrays(columns[None, :], rows[:, None]))
            xs, ys = xs + step[0], ys + step[1]
        return (xs, ys) if self.rig is None else self.rig.places(xs, ys)

    def zoom(self, shape: tuple[int, ...]) -> float:
        """Pixels of the sharp picture per pixel of the blurry one, at the centre of the latter."""
        x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
        xs, ys = Placement(self.matrix, None, self.rig)(
            np.array([x - 0.5, x + 0.5]), np.array([y - 0.5, y + 0.5])
        )
        across = np.array([xs[0, 1] - xs[0, 0], ys[0, 1] - ys[0, 0]])
        down = np.array([xs[1, 0] - xs[0, 0], ys[1, 0] - ys[0, 0]])
        return float(np.sqrt(abs(across[0] * down[1] - across[1] * down[0])))


def _sums(row: Array, columns: Array, rows: Array) -> Array:
    """``(R, C)``: a row of a matrix times the positions of a grid."""
    return np.asarray((row[0] * columns)[None, :] + (row[1] * rows)[:, None] + row[2])
