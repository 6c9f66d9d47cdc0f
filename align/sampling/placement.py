"""Map from pixels of the blurry picture to positions in the sharp one, all transforms combined."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.rig.rig import Rig
from defocus.align.sampling.kernels import field_at

__all__ = ["LocalFlow", "Placement"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LocalFlow:
    """Displacement beyond the global transform.

    Attributes:
        field: ``(2, h, w)`` float32, px of the full picture, on the reduced grid.
        factor: Reduction of that grid.
    """

    field: NDArray[np.float32]
    factor: int

    def at(self, x: Array, y: Array) -> Array:
        """``(2, …)`` displacement at positions of the full picture."""
        offset = 0.5 / self.factor - 0.5
        return field_at(self.field, (x / self.factor + offset, y / self.factor + offset))


@dataclass(frozen=True)
class Placement:
    """Map from positions in the blurry picture to positions in the sharp one.

    Attributes:
        matrix: ``(3, 3)`` homogeneous transform of the whole picture.
        local: Local flow added to the transform; None for none.
        rig: If the sharp member comes from a second camera: map from the first camera's positions
            to the second's.
    """

    matrix: Array
    local: LocalFlow | None = None
    rig: Rig | None = None

    def __call__(self, columns: Array, rows: Array) -> tuple[Array, Array]:
        """X and y in the sharp picture, each ``(R, C)``, of the grid of these columns and rows."""
        x, y = np.broadcast_arrays(columns[None, :], rows[:, None])
        m = self.matrix
        denominator = m[2, 0] * x + m[2, 1] * y + m[2, 2]
        xs = (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / denominator
        ys = (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / denominator
        if self.local is not None:
            step = self.local.at(x, y)
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
