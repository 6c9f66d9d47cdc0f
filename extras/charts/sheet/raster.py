"""The chart as pixels, seen from the front or in perspective."""

from itertools import chain
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Sheet
from defocus.extras.charts.sheet.parts import (
    MEAN_LEAF,
    LeavesSquare,
    Part,
    box,
    grey,
    part_shapes,
)
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.scene.shapes import Shape, draw_shapes

Floats = NDArray[np.float64]

FINENESS = 4
PAPER_LIGHT, INK_LIGHT = 0.88, 0.03
"""Light of bare paper and of black ink, relative to a white that reflects everything."""


def draw_roughly(sheet: Sheet, px_per_mm: float) -> NDArray[np.uint8]:
    """The sheet, sRGB, as it is seen from afar: thousands of leaves are one grey."""
    shapes = [*chain.from_iterable(map(_roughly, sheet.parts)), *sheet.labels]
    size = round(WIDTH * px_per_mm), round(HEIGHT * px_per_mm)
    return draw_shapes(shapes, (0.0, 0.0), size, px_per_mm)


def _roughly(part: Part) -> list[Shape]:
    if isinstance(part, LeavesSquare):
        return [box(part.x, part.y, part.side, part.side, grey(MEAN_LEAF))]
    return part_shapes(part)


def photographed(
    sheet: Sheet,
    homography: Floats,
    width: int,
    height: int,
    backdrop: float = 0.25,
) -> Floats:
    """The chart before a grey wall in perspective, linear light, blurred by pixels only.

    The homography leads from mm of the A3 sheet to px; paper has :data:`PAPER_LIGHT`."""
    area_scale = abs(np.linalg.det(homography[:2, :2]))
    scale = np.sqrt(area_scale) * FINENESS
    px_per_mm = float(np.ceil(scale))
    size = round(WIDTH * px_per_mm), round(HEIGHT * px_per_mm)
    drawn = draw_shapes(sheet.shapes, (0.0, 0.0), size, px_per_mm)
    to_mm = _scaled_and_moved(1 / px_per_mm, 0.5 / px_per_mm)
    finer = _scaled_and_moved(FINENESS, (FINENESS - 1) / 2)
    fine = (width * FINENESS, height * FINENESS)
    whole = finer @ homography @ to_mm
    light = _in_perspective(backdrop, drawn, whole, fine)
    reduced = cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float64)


def _scaled_and_moved(scale: float, offset: float) -> Floats:
    """The transform that scales, then moves to the right and down alike."""
    return np.array([[scale, 0, offset], [0, scale, offset], [0, 0, 1.0]])


def _in_perspective(
    backdrop: float,
    drawn: NDArray[np.uint8],
    whole: Floats,
    fine: tuple[int, int],
) -> NDArray[Any]:
    """Light of the drawn sheet in perspective, with the backdrop around it."""
    table = srgb_to_linear(as_float(np.arange(256, dtype=np.uint8)))
    table = (table * (PAPER_LIGHT - INK_LIGHT) + INK_LIGHT).astype(np.float32)
    # between pixels in linear light: half ink and half paper is not the middle of their sRGB values
    light = cv2.warpPerspective(cv2.LUT(drawn, table), whole, fine)
    cover = cv2.warpPerspective(
        np.full(drawn.shape[:2], 255, np.uint8),
        whole,
        fine,
        flags=cv2.INTER_NEAREST,
    )
    light[cover == 0] = backdrop
    return light
