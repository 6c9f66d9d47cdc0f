"""Flat shapes as pixels."""

import numpy as np
from numpy.typing import NDArray

from defocus.scene.shapes import Disc, Shape

__all__ = ["draw_shapes"]

Floats = NDArray[np.float64]


def draw_shapes(
    shapes: list[Shape], origin: tuple[float, float], size: tuple[int, int], px_per_mm: float
) -> NDArray[np.uint8]:
    """Draw shapes without smoothing; reduce the result by area.

    A pixel has the colour of the shape in which its middle lies (OpenCV also fills the pixels that
    an outline touches, which makes everything half a pixel larger).

    Args:
        shapes: What is drawn, from below.
        origin: Place of the top left corner, mm.
        size: Width and height, px.
        px_per_mm: Scale.

    Returns:
        ``(height, width, 3)`` sRGB.
    """
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


def _inside(contours: list[Floats], height: int, width: int) -> NDArray[np.bool_]:
    """Pixels whose middles lie inside an odd number of contours, ``(height, width)``."""
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
