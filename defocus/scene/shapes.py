"""Flat shapes of one colour, in mm, x right and y down, and their pixels."""

import functools
import math
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from defocus.scene.window import Window

Array = NDArray[np.float64]
Colour = tuple[int, int, int]
"""sRGB, 0 to 255."""

BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True)
class FilledOutline:
    """A shape with straight sides, perhaps with holes."""

    # each ``(N, 2)``; what is inside an odd number of them is filled
    contours: tuple[Array, ...]
    colour: Colour  # of the filling


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    x: float  # centre
    y: float  # centre
    radius: float
    colour: Colour  # of the filling


Shape = FilledOutline | Disc


@functools.lru_cache(maxsize=128)
def _glyphs(text: str) -> tuple[tuple[Array, ...], float]:
    """Contours of a text, with capitals of height 1, and the width of the text."""
    from matplotlib.font_manager import FontProperties

    # slow to import, and only drawing needs it
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans")
    capital = TextPath((0, 0), "H", size=100, prop=font).get_extents().height
    scale = (1 / capital, -1 / capital)
    drawn = TextPath((0, 0), text, 100, prop=font).to_polygons()
    contours = [np.asarray(polygon, np.float64) * scale for polygon in drawn]
    width = max(float(contour[:, 0].max()) for contour in contours)
    return tuple(contours), width


def words(
    text: str,
    x: float,
    y: float,
    height: float,
    colour: Colour = BLACK,
) -> FilledOutline:
    """A line of text as outlines."""
    contours, _ = _glyphs(text)
    placed = [contour * height + (x, y) for contour in contours]
    return FilledOutline(tuple(placed), colour)


def draw_shapes(
    shapes: list[Shape],
    origin: tuple[float, float],
    size: tuple[int, int],
    px_per_mm: float,
) -> NDArray[np.uint8]:
    """Draw shapes without smoothing; reduce the result by area: ``(height, width, 3)`` sRGB.

    A pixel has the colour of the shape in which its middle is."""
    # OpenCV also fills the pixels that an outline touches: all would be half a pixel larger
    frame = Window(0, 0, *size)
    canvas = np.full((*frame.shape, 3), 255, np.uint8)
    corner = np.array(origin)
    for shape in shapes:
        # middles of pixels at integers
        places = (_outline(shape) - corner) * px_per_mm - 0.5
        box = _around(places).within(frame)
        if not box.empty:
            first = np.array([box.left, box.top]) + 0.5
            start = corner + first / px_per_mm
            inside = _middles_inside(shape, start, box.shape, px_per_mm)
            canvas[box.index][inside] = shape.colour
    return canvas


def _around(places: Array) -> Window:
    """The pixels whose middles are between places ``(N, 2)``."""
    left, top = np.ceil(places.min(axis=0)).astype(int).tolist()
    right, bottom = np.floor(places.max(axis=0)).astype(int).tolist()
    return Window(left, top, right + 1, bottom + 1)


def _outline(shape: Shape) -> Array:
    """Points ``(N, 2)`` whose bounding box is that of the shape, mm."""
    if not isinstance(shape, Disc):
        return np.vstack(shape.contours)
    middle = np.array([shape.x, shape.y])
    return np.stack([middle - shape.radius, middle + shape.radius])


def _middles_inside(
    shape: Shape,
    start: Array,
    size: tuple[int, int],
    px_per_mm: float,
) -> NDArray[np.bool_]:
    """Pixels whose middles are in a shape; that of the first one is at ``start``, mm."""
    height, width = size
    if not isinstance(shape, Disc):
        contours = [(contour - start) * px_per_mm for contour in shape.contours]
        return _inside(contours, height, width)
    x = np.arange(width) / px_per_mm + (start[0] - shape.x)
    y = np.arange(height) / px_per_mm + (start[1] - shape.y)
    inside: NDArray[np.bool_] = x**2 + y[:, None] ** 2 <= shape.radius**2
    return inside


def _inside(
    contours: list[Array],
    height: int,
    width: int,
) -> NDArray[np.bool_]:
    """Pixels whose middles are inside an odd number of contours, ``(height, width)``."""
    crossings = np.zeros((height, width + 1), np.uint8)
    for contour in contours:
        following = np.roll(contour, -1, axis=0)
        for side in zip(contour.tolist(), following.tolist(), strict=True):
            _count_crossings(crossings, side)
    to_the_left = np.add.accumulate(crossings, axis=1)[:, :-1]
    return np.asarray(to_the_left % 2 == 1)


def _count_crossings(
    crossings: NDArray[np.uint8],
    side: tuple[list[float], list[float]],
) -> None:
    """Count a side of a contour at the first pixel to its right in each row that it crosses."""
    height, columns = crossings.shape
    (x, y), (end_x, end_y) = sorted(side, key=itemgetter(1))
    first = max(math.ceil(y), 0)
    end = min(math.ceil(end_y), height)
    rows = np.arange(first, end)
    if rows.size:
        slope = (end_x - x) / (end_y - y)
        column = np.ceil(x + (rows - y) * slope)
        crossings[rows, np.clip(column, 0, columns - 1).astype(int)] += 1
