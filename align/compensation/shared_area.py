"""Area of the blurry picture that the sharp picture also shows, for a transform."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import prev_fast_len

from defocus.align.registration.models import corners
from defocus.scene.geometry import moved_points

__all__ = ["Area"]

Grey = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Area:
    """Rectangle of the blurry picture that both show; outside, repeated borders bias tiles."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def shown(cls, matrix: Array, shape: tuple[int, ...]) -> "Area":
        """The part of the rectangle that a transformed sharp picture shows."""
        height, width = shape
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = moved_points(
            np.asarray(np.linalg.inv(matrix), np.float64), corners(shape)
        )
        return cls(
            math.ceil(min(max(0.0, x0, x2), width)),
            math.ceil(min(max(0.0, y0, y1), height)),
            math.floor(max(0.0, min(width - 1.0, x1, x3))) + 1,
            math.floor(max(0.0, min(height - 1.0, y2, y3))) + 1,
        )

    def mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Where it is in a picture of that shape."""
        inside = np.zeros(shape, dtype=bool)
        inside[self.top : self.bottom, self.left : self.right] = True
        return inside

    def of(self, picture: Grey) -> Grey:
        """That part of a picture."""
        return np.ascontiguousarray(picture[self.top : self.bottom, self.left : self.right])

    def tile(self, side: int) -> tuple[int, int]:
        """Height and width of a tile with about that side that fits; large primes are avoided."""
        height, width = self.bottom - self.top, self.right - self.left
        return prev_fast_len(min(side, height)), prev_fast_len(min(side, width))
