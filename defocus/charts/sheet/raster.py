"""The chart as pixels, seen from the front or in perspective."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.charts.sheet.layout import HEIGHT, WIDTH, Sheet
from defocus.charts.sheet.shapes import Disc, Shape
from defocus.images import as_float, srgb_to_linear

__all__ = ["INK_LIGHT", "PAPER_LIGHT", "draw_shapes", "photographed"]

Floats = NDArray[np.float64]

SUB_PIXEL_BITS = 6
FINENESS = 4
PAPER_LIGHT, INK_LIGHT = 0.88, 0.03
"""Light of bare paper and of black ink, relative to a white that reflects everything."""


def draw_shapes(
    shapes: list[Shape], origin: tuple[float, float], size: tuple[int, int], px_per_mm: float
) -> NDArray[np.uint8]:
    """Draw shapes without smoothing; reduce the result by area.

    Args:
        shapes: What is drawn, from below.
        origin: Place of the top left corner on the sheet, mm.
        size: Width and height, px.
        px_per_mm: Scale.

    Returns:
        ``(height, width, 3)`` sRGB.
    """
    canvas = np.full((size[1], size[0], 3), 255, np.uint8)
    unit = px_per_mm * (1 << SUB_PIXEL_BITS)
    half = 1 << (SUB_PIXEL_BITS - 1)  # OpenCV's integers are middles of pixels

    def at(points: Floats) -> NDArray[np.int32]:
        return np.asarray(np.rint((points - np.array(origin)) * unit - half), np.int32)

    for shape in shapes:
        if isinstance(shape, Disc):
            x, y = at(np.array([shape.x, shape.y])).tolist()
            radius = max(round(shape.radius * unit) - half, 1)  # OpenCV fills the border too
            cv2.circle(canvas, (x, y), radius, shape.colour, -1, cv2.LINE_8, SUB_PIXEL_BITS)
        else:
            contours = [at(contour) for contour in shape.contours]
            cv2.fillPoly(canvas, contours, shape.colour, cv2.LINE_8, SUB_PIXEL_BITS)
    return canvas


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
    seen = cv2.warpPerspective(drawn, whole, fine)  # the nearest pixel would make edges too sharp
    cover = cv2.warpPerspective(
        np.full(drawn.shape[:2], 255, np.uint8), whole, fine, flags=cv2.INTER_NEAREST
    )
    table = srgb_to_linear(as_float(np.arange(256, dtype=np.uint8)))
    light = cv2.LUT(seen, table * (PAPER_LIGHT - INK_LIGHT) + INK_LIGHT)
    light[cover == 0] = backdrop
    reduced = cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float64)
