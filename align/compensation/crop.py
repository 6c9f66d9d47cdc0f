"""The common area of a pair and the pixel grid of the written pictures."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["Rectangle", "ReleaseGrid", "largest_rectangle", "whole"]


@dataclass(frozen=True)
class Rectangle:
    """A part of the blurry picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Cut this part out of a picture."""
        part = picture[self.top : self.top + self.height, self.left : self.left + self.width]
        return np.ascontiguousarray(part)

    def centred(self, width: int, height: int) -> "Rectangle":
        """The middle of this part, of at most that size."""
        width, height = min(width, self.width), min(height, self.height)
        left, top = (self.width - width) // 2, (self.height - height) // 2
        return Rectangle(self.left + left, self.top + top, width, height)


def whole(shape: tuple[int, ...]) -> Rectangle:
    """The rectangle of a whole picture."""
    return Rectangle(0, 0, shape[1], shape[0])


@dataclass(frozen=True)
class ReleaseGrid:
    """Pixels of a release as positions in the blurry picture; ``scale`` is 0 < scale <= 1."""

    crop: Rectangle
    scale: float = 1.0  # pixels of the release per pixel of the blurry picture, 0 < scale <= 1

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the release."""
        return (
            max(int(self.crop.height * self.scale + 1e-9), 1),
            max(int(self.crop.width * self.scale + 1e-9), 1),
        )

    def columns(self) -> NDArray[np.float64]:
        """X of each column of the release in the blurry picture; the areas' corners coincide."""
        return (
            self.crop.left + (np.arange(self.shape[1], dtype=np.float64) + 0.5) / self.scale - 0.5
        )

    def rows(self) -> NDArray[np.float64]:
        """Y of each row of the release in the blurry picture."""
        return self.crop.top + (np.arange(self.shape[0], dtype=np.float64) + 0.5) / self.scale - 0.5


def largest_rectangle(mask: NDArray[np.bool_]) -> Rectangle | None:
    """The largest upright rectangle of True pixels, by a stack of rising columns, or None."""
    left, top, width, height = _largest(np.ascontiguousarray(mask))
    return Rectangle(left, top, width, height) if width else None


@numba.njit(nogil=True, cache=True)
def _largest(mask):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    rows, columns = mask.shape
    heights = np.zeros(columns + 1, np.int64)
    starts, levels = np.empty(columns + 1, np.int64), np.empty(columns + 1, np.int64)
    best, found = 0, (0, 0, 0, 0)
    for row in range(rows):
        depth = 0
        for column in range(columns + 1):
            if column < columns:
                heights[column] = heights[column] + 1 if mask[row, column] else 0
            level, start = heights[column], column
            while depth and levels[depth - 1] >= level:
                depth -= 1
                start = starts[depth]
                area = levels[depth] * (column - start)
                if area > best:
                    best = area
                    found = (start, row - levels[depth] + 1, column - start, levels[depth])
            starts[depth], levels[depth] = start, level
            depth += 1
    return found
