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

from defocus.align.arrays import Doubles, Mask, Shape, Singles, Size
from defocus.align.photometry.linear_light import LUMINANCE, encoded, reduced_light
from defocus.align.rig import Rig
from defocus.align.sampling.kernels import SUPPORT, Kernel, field_at, gathered
from defocus.pictures.values import Image, as_linear, bit_depth


@dataclass(frozen=True)
class Rectangle:
    """A part of the blurry picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Cut this part out of a picture."""
        rows = picture[self.top : self.top + self.height]
        part = rows[:, self.left : self.left + self.width]
        return np.ascontiguousarray(part)

    def centred(self, width: int, height: int) -> "Rectangle":
        """The middle of this part, of at most that size."""
        width = min(width, self.width)
        height = min(height, self.height)
        beside = (self.width - width) // 2
        above = (self.height - height) // 2
        return Rectangle(
            self.left + beside,
            self.top + above,
            width,
            height,
        )


def whole(shape: Shape) -> Rectangle:
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
    def shape(self) -> Size:
        """Height and width of the release."""
        height = int(self.crop.height * self.scale + 1e-9)
        width = int(self.crop.width * self.scale + 1e-9)
        return max(height, 1), max(width, 1)

    def columns(self) -> Doubles:
        """X of each column of the release in the blurry picture; the areas' corners coincide."""
        return _centres(self.crop.left, self.shape[1], self.scale)

    def rows(self) -> Doubles:
        """Y of each row of the release in the blurry picture."""
        return _centres(self.crop.top, self.shape[0], self.scale)


def _centres(first: int, count: int, scale: float) -> Doubles:
    """Centres of pixels of a release along one side of the blurry picture, from ``first`` on."""
    from_border = np.arange(count, dtype=np.float64) + 0.5
    return first + from_border / scale - 0.5


def largest_rectangle(mask: Mask) -> Rectangle | None:
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
    field: Singles
    factor: int

    @cached_property
    def moves(self) -> bool:
        """Whether this map displaces any pixel."""
        return bool(self.field.any())

    def at(self, x: Doubles, y: Doubles) -> Doubles:
        """``(2, …)`` displacement at positions of the full picture."""
        offset = 0.5 / self.factor - 0.5
        column = x / self.factor + offset
        row = y / self.factor + offset
        return field_at(self.field, (column, row))


@dataclass(frozen=True)
class Placement:
    """Map from positions in the blurry picture to positions in the sharp one, by way of any rig."""

    matrix: Doubles  # ``(3, 3)`` homogeneous transform of the whole picture
    local: LocalFlow | None = None  # local flow added to the transform; None for none
    rig: Rig | None = None

    def __call__(self, columns: Doubles, rows: Doubles) -> tuple[Doubles, Doubles]:
        """X and y in the sharp picture, each ``(R, C)``, of the grid of these columns and rows."""
        for_x, for_y, for_depth = self.matrix
        xs = _sums(for_x, columns, rows)
        ys = _sums(for_y, columns, rows)
        if tuple(for_depth) != (0, 0, 1):
            below = _sums(for_depth, columns, rows)
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

    def zoom(self, shape: Shape) -> float:
        """Pixels of the sharp picture per pixel of the blurry one, at the centre of the latter."""
        x = (shape[1] - 1) / 2
        y = (shape[0] - 1) / 2
        columns = np.array([x - 0.5, x + 0.5])
        rows = np.array([y - 0.5, y + 0.5])
        of_frame = Placement(self.matrix, None, self.rig)
        (top_x, bottom_x), (top_y, bottom_y) = of_frame(columns, rows)
        # the steps of a pixel to the right and down, and the area that they span
        right_x = top_x[1] - top_x[0]
        right_y = top_y[1] - top_y[0]
        down_x = bottom_x[0] - top_x[0]
        down_y = bottom_y[0] - top_y[0]
        area = right_x * down_y - right_y * down_x
        return float(np.sqrt(abs(area)))


def _sums(row: Doubles, columns: Doubles, rows: Doubles) -> Doubles:
    """``(R, C)``: a row of a matrix times the positions of a grid."""
    for_column, for_row, constant = row
    across = for_column * columns
    down = for_row * rows
    sums = across[None, :] + down[:, None]
    return np.asarray(sums + constant)


Finish = Callable[[Singles], Singles]

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
        height = 2 * crop.top + crop.height
        width = 2 * crop.left + crop.width
        return self.placement.zoom((height, width))

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
) -> Singles:
    """The result as linear light, ``(h, w, 3)`` float32, not clipped at 1."""
    result = np.empty((*how.grid.shape, 3), np.float32)

    def fill(rows: slice) -> None:
        result[rows] = _light(picture, how, rows)

    _in_strips(how.grid, strip, fill)
    return result


def inside_frame(
    placement: Placement,
    grid: ReleaseGrid,
    size: Shape,
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
    rows = int(pixels * grid.scale**2 / width)
    step = max(1, rows)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        yield slice(top, bottom)


def _in_strips(grid: ReleaseGrid, pixels: int, work: Callable[[slice], None]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, _strips(grid, pixels)):
            pass


def _light(picture: Image, how: Resampling, rows: slice) -> Singles:
    """Linear light of some rows of the release; negative overshoot is clipped."""
    strip = how.grid.rows()[rows]
    x, y = how.placement(how.grid.columns(), strip)
    widening = how.widening()
    first, last = _rows_read(y, how, widening, picture.shape[0])
    source = as_linear(picture[first:last])
    light = gathered(source, (x, y - first), how.kernel, widening)
    return np.maximum(light, np.float32(0.0))


def _rows_read(
    y: Doubles,
    how: Resampling,
    widening: float,
    height: int,
) -> tuple[int, int]:
    """First row of the sharp picture that the kernel reads around places, and the row after."""
    reach = int(SUPPORT[how.kernel] * widening) + 2
    top = int(min(max(y.min(), 0.0), height))
    bottom = int(min(max(y.max(), 0.0), height))
    first = min(max(top - reach, 0), height - 1)
    after = max(bottom + reach + 1, first + 1)
    return first, min(after, height)


def sharp_view(
    picture: Image,
    factor: int,
    rig: Rig | None = None,
) -> Singles:
    """Reduced ``(h, w, 3)`` linear light; by a rig, as the first camera would have seen it."""
    if rig is None:
        return reduced_light(picture, factor)
    # whole blocks of pixels
    width = rig.blurry_size[0] // factor * factor
    height = rig.blurry_size[1] // factor * factor
    grid = ReleaseGrid(Rectangle(0, 0, width, height), 1 / factor)
    placement = Placement(np.eye(3), rig=rig)
    how = Resampling(placement, grid, "bicubic")
    light = resampled_light(picture, how)
    return coloured(light, rig)


def luminance_view(
    picture: Image,
    factor: int,
    rig: Rig | None = None,
) -> Singles:
    """``(h, w)`` luminance of :func:`sharp_view`."""
    if rig is None:
        return reduced_light(picture, factor, LUMINANCE)
    return sharp_view(picture, factor, rig) @ LUMINANCE


def coloured(light: Singles, rig: Rig) -> Singles:
    """The second camera's light in the first's colours, clipped at black."""
    matrix = np.array(rig.colour_matrix, np.float32)
    mixed = light @ matrix.T
    return np.asarray(np.maximum(mixed, np.float32(0.0)))
