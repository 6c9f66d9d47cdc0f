"""Resample the sharp picture onto the grid of the blurry one: once, in linear light.

Strips bound the memory; a pixel depends on its own position only, not on the height of its strip.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.linear_light import LUMINANCE, encoded, reduced_light
from defocus.align.rig import Rig
from defocus.align.sampling.kernels import SUPPORT, Kernel, field_at, gathered
from defocus.pictures.values import Image, as_linear, bit_depth

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Rectangle:
    """A part of the blurry picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Cut this part out of a picture."""
        part = picture[
            self.top : self.top + self.height, self.left : self.left + self.width
        ]
        return np.ascontiguousarray(part)

    def centred(self, width: int, height: int) -> "Rectangle":
        """The middle of this part, of at most that size."""
        width = min(width, self.width)
        height = min(height, self.height)
        left = self.left + (self.width - width) // 2
        top = self.top + (self.height - height) // 2
        return Rectangle(left, top, width, height)


def whole(shape: tuple[int, ...]) -> Rectangle:
    """The rectangle of a whole picture."""
    return Rectangle(0, 0, shape[1], shape[0])


@dataclass(frozen=True)
class ReleaseGrid:
    """Pixels of a release as positions in the blurry picture; ``scale`` is 0 < scale <= 1."""

    crop: Rectangle
    scale: float = (
        1.0  # pixels of the release per pixel of the blurry picture, 0 < scale <= 1
    )

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
            self.crop.left
            + (np.arange(self.shape[1], dtype=np.float64) + 0.5) / self.scale
            - 0.5
        )

    def rows(self) -> NDArray[np.float64]:
        """Y of each row of the release in the blurry picture."""
        return (
            self.crop.top
            + (np.arange(self.shape[0], dtype=np.float64) + 0.5) / self.scale
            - 0.5
        )


def largest_rectangle(mask: NDArray[np.bool_]) -> Rectangle | None:
    """The largest upright rectangle of True pixels, by a stack of rising columns, or None."""
    left, top, width, height = _largest(np.ascontiguousarray(mask))
    return Rectangle(left, top, width, height) if width else None


@numba.njit(nogil=True, cache=True)
def _largest(mask):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    rows, columns = mask.shape
    heights = np.zeros(columns + 1, np.int64)
    starts = np.empty(columns + 1, np.int64)
    levels = np.empty(columns + 1, np.int64)
    rectangle = (0, 0, 0, 0)
    for row in range(rows):
        for column in range(columns):
            if mask[row, column]:
                heights[column] += 1
            else:
                heights[column] = 0
        rectangle = _larger(heights, row, starts, levels, rectangle)
    return rectangle


@numba.njit(nogil=True, cache=True)
def _larger(heights, row, starts, levels, rectangle):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """The largest of a rectangle and those that end at a row, under columns of these heights."""
    depth = 0
    for column in range(heights.size):
        level = heights[column]
        start = column
        while depth and levels[depth - 1] >= level:
            depth -= 1
            start = starts[depth]
            height = levels[depth]
            width = column - start
            if height * width > rectangle[2] * rectangle[3]:
                rectangle = (start, row - height + 1, width, height)
        starts[depth] = start
        levels[depth] = level
        depth += 1
    return rectangle


@dataclass(frozen=True)
class LocalFlow:
    """Displacement beyond the global transform, px of the full picture, on a reduced grid."""

    # ``(2, h, w)`` float32, px of the full picture, on the reduced grid
    field: NDArray[np.float32]
    factor: int

    @cached_property
    def moves(self) -> bool:
        """Whether this map displaces any pixel."""
        return bool(self.field.any())

    def at(self, x: Doubles, y: Doubles) -> Doubles:
        """``(2, …)`` displacement at positions of the full picture."""
        offset = 0.5 / self.factor - 0.5
        return field_at(
            self.field,
            (x / self.factor + offset, y / self.factor + offset),
        )


@dataclass(frozen=True)
class Placement:
    """Map from positions in the blurry picture to positions in the sharp one, by way of any rig."""

    matrix: Doubles  # ``(3, 3)`` homogeneous transform of the whole picture
    local: LocalFlow | None = None  # local flow added to the transform; None for none
    rig: Rig | None = None

    def __call__(self, columns: Doubles, rows: Doubles) -> tuple[Doubles, Doubles]:
        """X and y in the sharp picture, each ``(R, C)``, of the grid of these columns and rows."""
        xs = _sums(self.matrix[0], columns, rows)
        ys = _sums(self.matrix[1], columns, rows)
        if tuple(self.matrix[2]) != (0, 0, 1):
            below = _sums(self.matrix[2], columns, rows)
            xs = xs / below
            ys = ys / below
        if self.local is not None and self.local.moves:
            places = np.broadcast_arrays(columns[None, :], rows[:, None])
            step = self.local.at(*places)
            xs = xs + step[0]
            ys = ys + step[1]
        if self.rig is None:
            return xs, ys
        return self.rig.places(xs, ys)

    def zoom(self, shape: tuple[int, ...]) -> float:
        """Pixels of the sharp picture per pixel of the blurry one, at the centre of the latter."""
        x = (shape[1] - 1) / 2
        y = (shape[0] - 1) / 2
        xs, ys = Placement(self.matrix, None, self.rig)(
            np.array([x - 0.5, x + 0.5]),
            np.array([y - 0.5, y + 0.5]),
        )
        # the steps of a pixel to the right and down, and the area that they span
        right_x = xs[0, 1] - xs[0, 0]
        right_y = ys[0, 1] - ys[0, 0]
        down_x = xs[1, 0] - xs[0, 0]
        down_y = ys[1, 0] - ys[0, 0]
        area = right_x * down_y - right_y * down_x
        return float(np.sqrt(abs(area)))


def _sums(row: Doubles, columns: Doubles, rows: Doubles) -> Doubles:
    """``(R, C)``: a row of a matrix times the positions of a grid."""
    across = row[0] * columns
    down = row[1] * rows
    return np.asarray(across[None, :] + down[:, None] + row[2])


Finish = Callable[[Array], Array]

STRIP_PIXELS = 1 << 18
THREADS = 2
SLACK = 1e-6
"""Tolerance at the border, px, so that the identity keeps its own border."""


@dataclass(frozen=True)
class Resampling:
    """Positions of the sharp picture that a release reads, and the kernel, wider if it shrinks."""

    placement: Placement
    grid: ReleaseGrid  # the pixels of the release
    kernel: Kernel

    def zoom(self) -> float:
        """Pixels of the sharp picture per pixel of the blurry one, at the release's centre."""
        crop = self.grid.crop
        return self.placement.zoom(
            (2 * crop.top + crop.height, 2 * crop.left + crop.width)
        )

    def widening(self) -> float:
        """Pixels of the sharp picture under one of the release, at least 1."""
        return max(1.0, self.zoom() / self.grid.scale)


def resampled(
    picture: Image,
    how: Resampling,
    finish: Finish | None = None,
    *,
    strip: int = STRIP_PIXELS,
) -> Image:
    """The sharp picture as released; ``finish`` gets ``(h, w, 3)`` linear light in strips."""
    result = np.empty((*how.grid.shape, 3), picture.dtype)
    bits = bit_depth(picture)

    def fill(rows: slice) -> None:
        light = _light(picture, how, rows)
        if finish is not None:
            light = finish(light)
        result[rows] = encoded(light, bits)

    _in_strips(how.grid, strip, fill)
    return result


def resampled_light(
    picture: Image,
    how: Resampling,
    *,
    strip: int = STRIP_PIXELS,
) -> Array:
    """The result as linear light, ``(h, w, 3)`` float32, not clipped at 1."""
    result = np.empty((*how.grid.shape, 3), np.float32)

    def fill(rows: slice) -> None:
        result[rows] = _light(picture, how, rows)

    _in_strips(how.grid, strip, fill)
    return result


def inside_frame(
    placement: Placement,
    grid: ReleaseGrid,
    size: tuple[int, ...],
) -> Mask:
    """``(h, w)``: True where the sharp picture covers the release grid."""
    last_row = size[0] - 1 + SLACK
    last_column = size[1] - 1 + SLACK
    columns = grid.columns()
    rows = grid.rows()
    result = np.empty(grid.shape, bool)
    for part in _strips(grid, STRIP_PIXELS):
        x, y = placement(columns, rows[part])
        inside = (x >= -SLACK) & (x <= last_column)
        inside &= (y >= -SLACK) & (y <= last_row)
        result[part] = inside
    return result


def _strips(grid: ReleaseGrid, pixels: int) -> Iterator[slice]:
    height, width = grid.shape
    # rows of the release that read about as many pixels of the sharp picture
    step = max(1, int(pixels * grid.scale**2 / width))
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def _in_strips(grid: ReleaseGrid, pixels: int, work: Callable[[slice], None]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, _strips(grid, pixels)):
            pass


def _light(picture: Image, how: Resampling, rows: slice) -> Array:
    """Linear light of some rows of the release; negative overshoot is clipped."""
    strip = how.grid.rows()[rows]
    x, y = how.placement(how.grid.columns(), strip)
    widening = how.widening()
    reach = int(SUPPORT[how.kernel] * widening) + 2
    height = picture.shape[0]
    top = int(min(max(y.min(), 0.0), height))
    bottom = int(min(max(y.max(), 0.0), height))
    first = min(max(top - reach, 0), height - 1)
    last = min(max(bottom + reach + 1, first + 1), height)
    source = as_linear(picture[first:last])
    light = gathered(source, (x, y - first), how.kernel, widening)
    return np.maximum(light, np.float32(0.0))


def sharp_view(
    picture: Image,
    factor: int,
    rig: Rig | None = None,
) -> NDArray[np.float32]:
    """Reduced ``(h, w, 3)`` linear light; by a rig, as the first camera would have seen it."""
    if rig is None:
        return reduced_light(picture, factor)
    # whole blocks of pixels
    width = rig.blurry_size[0] // factor * factor
    height = rig.blurry_size[1] // factor * factor
    grid = ReleaseGrid(Rectangle(0, 0, width, height), 1 / factor)
    how = Resampling(Placement(np.eye(3), rig=rig), grid, "bicubic")
    return coloured(resampled_light(picture, how), rig)


def luminance_view(
    picture: Image,
    factor: int,
    rig: Rig | None = None,
) -> NDArray[np.float32]:
    """``(h, w)`` luminance of :func:`sharp_view`."""
    if rig is None:
        return reduced_light(picture, factor, LUMINANCE)
    return sharp_view(picture, factor, rig) @ LUMINANCE


def coloured(light: NDArray[np.float32], rig: Rig) -> NDArray[np.float32]:
    """The second camera's light in the first's colours, clipped at black."""
    matrix = np.array(rig.colour_matrix, np.float32)
    mixed = light @ matrix.T
    return np.asarray(np.maximum(mixed, np.float32(0.0)))
