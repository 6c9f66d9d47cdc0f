"""The sheet as exact means over pixels, for places finer than a pixel of the drawing."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.edges.linear_light import grey_of
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Layout, make_sheet
from defocus.extras.charts.sheet.parts import LeavesSquare, part_shapes
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.scene.shapes import Disc, Shape, draw_shapes

Floats = NDArray[np.float64]
Light = NDArray[np.float32]

CORNERS = 96
"""Number of corners of the polygon that stands for a disc of the same area."""
FINENESS = 4
"""Number of samples of leaves per pixel and axis: leaves are too many for exact means. The samples'
errors are at random places."""
BEYOND_MM = 8.0
"""Distance, mm, by which leaves and the bars over them reach beyond their square."""


@lru_cache(maxsize=2)
def printed_light(layout: Layout, px_per_mm: float) -> Light:
    """The sheet, read-only: relative luminance of what is printed, 0 for ink and 1 for paper."""
    sheet = make_sheet(layout)
    size = (round(HEIGHT * px_per_mm), round(WIDTH * px_per_mm))
    light = np.ones(size, np.float32)
    for part in sheet.parts:
        if isinstance(part, LeavesSquare):
            _add_leaves(light, part, px_per_mm)
            continue
        for shape in part_shapes(part):
            _add(light, shape, px_per_mm)
    for shape in sheet.labels:
        _add(light, shape, px_per_mm)
    light.flags.writeable = False
    return light


def _add(light: Light, shape: Shape, px_per_mm: float) -> None:
    """Print a shape over what is there."""
    contours = [contour * px_per_mm for contour in _contours(shape)]
    corners = np.vstack(contours)
    low = np.floor(corners.min(axis=0))
    high = np.ceil(corners.max(axis=0))
    left, top = np.maximum(low, 0).astype(int)
    right, bottom = np.minimum(high, light.shape[::-1]).astype(int)
    inside = [contour - (left, top) for contour in contours]
    share = covered(inside, (bottom - top, right - left))
    stored = np.array(shape.colour, np.uint8)
    colour = float(grey_of(_linear(stored)))
    part = light[top:bottom, left:right]
    change = share * (colour - part)
    part += np.asarray(change, np.float32)


def _linear(stored: NDArray[np.uint8]) -> Floats:
    """Linear light of sRGB values."""
    return np.asarray(srgb_to_linear(as_float(stored)), np.float64)


def _contours(shape: Shape) -> tuple[Floats, ...]:
    if not isinstance(shape, Disc):
        return shape.contours
    # a polygon of n corners at r has the area n r² sin(2 π / n) / 2
    angles = 2.0 * np.pi * np.arange(CORNERS) / CORNERS
    sector = 2.0 * np.pi / CORNERS
    radius = shape.radius * np.sqrt(sector / np.sin(sector))
    middle = np.array([shape.x, shape.y])
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (middle + radius * directions,)


def _add_leaves(light: Light, square: LeavesSquare, px_per_mm: float) -> None:
    """Print a square of leaves: drawn finer, then reduced."""
    reach = square.side / 2 + BEYOND_MM
    left = round((square.x - reach) * px_per_mm)
    top = round((square.y - reach) * px_per_mm)
    side = round(2 * reach * px_per_mm)
    size = side * FINENESS, side * FINENESS
    origin = left / px_per_mm, top / px_per_mm
    shapes = part_shapes(square)
    drawn = draw_shapes(shapes, origin, size, px_per_mm * FINENESS)
    every_value = np.arange(256, dtype=np.uint8)
    fine = cv2.LUT(drawn[:, :, 1], _linear(every_value))
    seen = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    part = light[top : top + side, left : left + side]
    part *= np.asarray(seen, np.float32)  # around them is paper, 1


def covered(contours: list[Floats], size: tuple[int, int]) -> Floats:
    """Share of each pixel inside outlines that do not cross; holes turn the other way.

    Each side, cut at pixels, covers what is to its right, signed, so that a row's sum is exact."""
    start = np.concatenate(contours)
    end = np.concatenate([np.roll(contour, -1, axis=0) for contour in contours])
    start, end = _cut(start, end, axis=1)
    start, end = _cut(start, end, axis=0)
    middle = (start + end) / 2
    height = (end - start)[:, 1]
    row = np.floor(middle[:, 1]).astype(np.intp)
    inside = (row >= 0) & (row < size[0])
    return _areas(middle[inside, 0], row[inside], height[inside], size)


def _areas(
    x: Floats,
    row: NDArray[np.intp],
    height: Floats,
    size: tuple[int, int],
) -> Floats:
    """Covered share of the pixels, summed from left to right."""
    rows, columns = size
    x = np.clip(x, 0, columns)
    column = np.floor(x).astype(np.intp)
    width = columns + 2
    place = row * width + column
    beyond = x - column
    area = np.bincount(place, height * (1.0 - beyond), rows * width)
    area += np.bincount(place + 1, height * beyond, rows * width)
    summed = np.cumsum(area.reshape(rows, width), axis=1)
    return np.asarray(np.abs(summed)[:, :columns])


def _cut(start: Floats, end: Floats, axis: int) -> tuple[Floats, Floats]:
    """Starts and ends of the pieces of sides, cut where a coordinate is an integer."""
    from_, to = start[:, axis], end[:, axis]
    low = np.minimum(from_, to)
    high = np.maximum(from_, to)
    first = np.floor(low) + 1.0
    cuts = np.maximum(np.ceil(high) - first, 0).astype(np.intp)
    side, number = _numbered(cuts + 1)
    # from here on a value per piece: of the side that it is cut from
    begin = start[side]
    along = end[side] - begin
    first = first[side]
    cuts = cuts[side]
    way = along[:, axis]
    length = np.where(way == 0, 1.0, way)

    origin = begin[:, axis]

    def at(cut: NDArray[np.intp]) -> Floats:
        upward = first + cut - 1
        downward = first + cuts - cut
        line = np.where(way >= 0, upward, downward)
        share = (line - origin) / length
        share[cut == cuts + 1] = 1.0
        share[cut == 0] = 0.0
        return np.asarray(begin + share[:, None] * along)

    return at(number), at(number + 1)


def _numbered(pieces: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The side that each piece is cut from, and the piece's number in it, from 0."""
    side = np.repeat(np.arange(len(pieces)), pieces)
    firsts = np.cumsum(pieces) - pieces
    number = np.arange(len(side)) - np.repeat(firsts, pieces)
    return side, number
