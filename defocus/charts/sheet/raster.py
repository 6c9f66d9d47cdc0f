"""The chart as pixels, seen from the front or in perspective."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.charts.sheet.layout import HEIGHT, WIDTH, Sheet
from defocus.charts.sheet.parts import MEAN_LEAF, LeavesSquare, Part, grey, part_shapes
from defocus.charts.sheet.shapes import Disc, Shape, box
from defocus.images import as_float, srgb_to_linear

__all__ = ["INK_LIGHT", "PAPER_LIGHT", "draw_roughly", "draw_shapes", "photographed"]

Floats = NDArray[np.float64]

FINENESS = 4
PAPER_LIGHT, INK_LIGHT = 0.88, 0.03
"""Light of bare paper and of black ink, relative to a white that reflects everything."""


def draw_shapes(
    shapes: list[Shape], origin: tuple[float, float], size: tuple[int, int], px_per_mm: float
) -> NDArray[np.uint8]:
    """Draw shapes without smoothing; reduce the result by area.

    A pixel has the colour of the shape in which its middle lies (OpenCV also fills the pixels that
    an outline touches, which makes everything half a pixel larger).

    Args:
        shapes: What is drawn, from below.
        origin: Place of the top left corner on the sheet, mm.
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


def draw_roughly(sheet: Sheet, px_per_mm: float) -> NDArray[np.uint8]:
    """The sheet as it is seen from afar: thousands of leaves are one grey.

    Args:
        sheet: The chart.
        px_per_mm: Scale.

    Returns:
        ``(height, width, 3)`` sRGB.
    """
    shapes = [*(one for part in sheet.parts for one in _roughly(part)), *sheet.labels]
    size = round(WIDTH * px_per_mm), round(HEIGHT * px_per_mm)
    return draw_shapes(shapes, (0.0, 0.0), size, px_per_mm)


def _roughly(part: Part) -> list[Shape]:
    if isinstance(part, LeavesSquare):
        return [box(part.x, part.y, part.side, part.side, grey(MEAN_LEAF))]
    return part_shapes(part)


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


def photographed(
    sheet: Sheet, homography: Floats, width: int, height: int, backdrop: float = 0.25
) -> Floats:
    """The chart in front of a grey wall, in perspective, without any blur but that of pixels.

    Args:
        sheet: The chart.
        homography: ``(3, 3)``, from mm of the A3 sheet to px, pixel centres at integers.
        width: Pixels.
        height: Pixels.
        backdrop: Linear light of the wall.

    Returns:
        ``(height, width, 3)`` linear light, paper at :data:`PAPER_LIGHT`.
    """
    scale = np.sqrt(abs(np.linalg.det(homography[:2, :2]))) * FINENESS
    px_per_mm = float(np.ceil(scale))
    size = round(WIDTH * px_per_mm), round(HEIGHT * px_per_mm)
    drawn = draw_shapes(sheet.shapes, (0.0, 0.0), size, px_per_mm)
    to_mm = np.array(
        [[1 / px_per_mm, 0, 0.5 / px_per_mm], [0, 1 / px_per_mm, 0.5 / px_per_mm], [0, 0, 1]]
    )
    offset = (FINENESS - 1) / 2
    finer = np.array([[FINENESS, 0, offset], [0, FINENESS, offset], [0, 0, 1.0]])
    fine = (width * FINENESS, height * FINENESS)
    whole = finer @ homography @ to_mm
    table = srgb_to_linear(as_float(np.arange(256, dtype=np.uint8)))
    table = (table * (PAPER_LIGHT - INK_LIGHT) + INK_LIGHT).astype(np.float32)
    # between pixels in linear light: half ink and half paper is not the middle of their sRGB values
    light = cv2.warpPerspective(cv2.LUT(drawn, table), whole, fine)
    cover = cv2.warpPerspective(
        np.full(drawn.shape[:2], 255, np.uint8), whole, fine, flags=cv2.INTER_NEAREST
    )
    light[cover == 0] = backdrop
    reduced = cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float64)
