"""Rectangles of pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "Window":
        """The pixels of a picture (height, width, ...)."""
        return cls(0, 0, shape[1], shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, at least 0."""
        height = max(0, self.bottom - self.top)
        width = max(0, self.right - self.left)
        return height, width

    @property
    def empty(self) -> bool:
        """Whether the window has no pixel."""
        return self.bottom <= self.top or self.right <= self.left

    @property
    def index(self) -> tuple[slice, slice]:
        """Index of this window in an array that begins at the origin."""
        rows = slice(self.top, self.bottom)
        columns = slice(self.left, self.right)
        return rows, columns

    def grid(self) -> tuple[Array, Array]:
        """Positions x and y of the pixel centres, ``(H, W)`` each."""
        x = np.arange(self.left, self.right, dtype=np.float32)
        y = np.arange(self.top, self.bottom, dtype=np.float32)
        xx, yy = np.meshgrid(x, y)
        return xx, yy

    def within(self, other: "Window") -> "Window":
        """Intersection of two windows."""
        return Window(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def grown(self, px: int) -> "Window":
        """The window with a border of that width."""
        return Window(
            self.left - px,
            self.top - px,
            self.right + px,
            self.bottom + px,
        )

    def moved(self, right: int, down: int) -> "Window":
        """The window at another place."""
        return Window(
            self.left + right,
            self.top + down,
            self.right + right,
            self.bottom + down,
        )

    def slices(self, frame: "Window") -> tuple[slice, slice]:
        """Index of this window in an array that covers ``frame``."""
        return self.moved(-frame.left, -frame.top).index


def shown(values: NDArray[Any], window: Window | None = None) -> Window:
    """The rows and columns where ``(H, W)`` values, which cover a window, are not 0."""
    begin = Window(0, 0, 0, 0) if window is None else window
    rows = np.flatnonzero(values.any(axis=1))
    columns = np.flatnonzero(values.any(axis=0))
    if not rows.size:
        return Window(begin.left, begin.top, begin.left, begin.top)
    left = int(columns[0])
    top = int(rows[0])
    right = int(columns[-1]) + 1
    bottom = int(rows[-1]) + 1
    return Window(left, top, right, bottom).moved(begin.left, begin.top)
