"""Flat shapes of one colour, in mm, x right and y down, and their pixels."""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Colour = tuple[int, int, int]
"""sRGB, 0 to 255."""

BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True)
class FilledOutline:
    """A shape with straight sides, perhaps with holes."""

    contours: tuple[Array, ...]  # each ``(N, 2)``; what is inside an odd number of them is filled
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
    """Contours of a text whose capitals are 1 high, and its width."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath  # slow to import, and only drawing needs it

    font = FontProperties(family="DejaVu Sans")
    capital = TextPath((0, 0), "H", size=100, prop=font).get_extents().height
    drawn = TextPath((0, 0), text, 100, prop=font).to_polygons()
    contours = [np.asarray(p, np.float64) * (1 / capital, -1 / capital) for p in drawn]
    return tuple(contours), max(float(p[:, 0].max()) for p in contours)


def words(text: str, x: float, y: float, height: float, colour: Colour = BLACK) -> FilledOutline:
    """A line of text as outlines."""
    contours, _ = _glyphs(text)
    return FilledOutline(tuple(contour * height + (x, y) for contour in contours), colour)


def draw_shapes(
    shapes: list[Shape], origin: tuple[float, float], size: tuple[int, int], px_per_mm: float
) -> NDArray[np.uint8]:
    """Draw shapes without smoothing; reduce the result by area: ``(height, width, 3)`` sRGB.

    A pixel has the colour of the shape in which its middle is."""
    # OpenCV also fills the pixels that an outline touches: all would be half a pixel larger
    canvas = np.full((size[1], size[0], 3), 255, np.uint8)
    for shape in shapes:
        if isinstance(shape, Disc):
            middle = np.array([shape.x, shape.y])
            outline = np.stack([middle - shape.radius, middle + shape.radius])
        else:
            outline = np.vstack(shape.contours)
        places = (outline - np.array(origin)) * px_per_mm - 0.5  # middles of pixels at integers
        left, top = np.maximum(np.ceil(places.min(axis=0)), 0).astype(int)
        right, bottom = np.minimum(np.floor(places.max(axis=0)) + 1, size).astype(int)
        if left >= right or top >= bottom:
            continue
        start = np.array(origin) + (np.array([left, top]) + 0.5) / px_per_mm
        if isinstance(shape, Disc):
            x = np.arange(right - left) / px_per_mm + (start[0] - shape.x)
            y = np.arange(bottom - top) / px_per_mm + (start[1] - shape.y)
            inside = x[None, :] ** 2 + y[:, None] ** 2 <= shape.radius**2
        else:
            contours = [(contour - start) * px_per_mm for contour in shape.contours]
            inside = _inside(contours, bottom - top, right - left)
        canvas[top:bottom, left:right][inside] = shape.colour
    return canvas


def _inside(contours: list[Array], height: int, width: int) -> NDArray[np.bool_]:
    """Pixels whose middles are inside an odd number of contours, ``(height, width)``."""
    start = np.concatenate(contours)
    end = np.concatenate([np.roll(contour, -1, axis=0) for contour in contours])
    rising = start[:, 1] <= end[:, 1]
    upper, lower = np.where(rising[:, None], [start, end], [end, start])
    first, last = (np.clip(np.ceil(one[:, 1]), 0, height).astype(int) for one in (upper, lower))
    side = np.repeat(np.arange(len(start)), last - first)
    row = np.arange(len(side)) - np.repeat(np.cumsum(last - first) - last, last - first)
    slope = (lower - upper)[side, 0] / (lower - upper)[side, 1]
    column = np.ceil(upper[side, 0] + (row - upper[side, 1]) * slope)
    crossings = np.zeros((height, width + 1), np.uint8)
    np.add.at(crossings, (row, np.clip(column, 0, width).astype(int)), 1)
    return np.asarray(np.add.accumulate(crossings, axis=1)[:, :-1] % 2 == 1)
