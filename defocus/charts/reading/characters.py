"""How much of a chart's text can be read."""

from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.charts.light import grey_of
from defocus.charts.measures.characters import character_errors, read_characters
from defocus.charts.reading.geometry import ChartGeometry
from defocus.charts.sheet.layout import Sheet
from defocus.charts.sheet.parts import TextLine
from defocus.images import linear_to_srgb

__all__ = ["characters_read"]

Floats = NDArray[np.float64]

PX_PER_MM = 8.0
"""Of the picture that is read: the smallest capitals are 22 px high."""

WIDTH_MM, ABOVE, BELOW_MM = 52.0, 1.4, 2.0
"""Of a field of text; ``ABOVE`` its first base line in heights of capitals."""

RIM_PX = 20
"""Letters at the very rim are not read."""


def characters_read(light: Floats, sheet: Sheet, geometry: ChartGeometry) -> float | None:
    """Share of the chart's characters that tesseract reads, without a dictionary.

    Args:
        light: ``(H, W, 3)`` linear light.
        sheet: The chart.
        geometry: Where it is.

    Returns:
        One minus the errors (wrong, missing and further characters) over the number of characters,
        0 to 1; None if tesseract is not installed or the chart has no text.

    Raises:
        NotApplicableError: tesseract has no English data.
        DefocusError: tesseract fails.
    """
    printed, wrong = 0, 0.0
    lines = (part for part in sheet.parts if isinstance(part, TextLine))
    for _, group in groupby(lines, key=lambda line: line.x):
        field = list(group)
        truth = "".join(line.text for line in field)
        read = read_characters(_upright(light, field, geometry))
        if read is None:
            return None
        printed += len(truth)
        wrong += len(truth) * min(1.0, character_errors(read, truth))
    return 1.0 - wrong / printed if printed else None


def _upright(light: Floats, field: list[TextLine], geometry: ChartGeometry) -> NDArray[np.uint8]:
    """A field of text as it lies on the sheet, sRGB values of its luminance."""
    left, top = field[0].x - 1.0, field[0].y - ABOVE * field[0].height
    columns = np.arange(left, left + WIDTH_MM, 1 / PX_PER_MM)
    rows = np.arange(top, field[-1].y + BELOW_MM, 1 / PX_PER_MM)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)
    places = geometry.to_picture(grid.reshape(-1, 2)).reshape(grid.shape).astype(np.float32)
    grey = grey_of(light).astype(np.float32)
    seen = cv2.remap(grey, places[..., 0], places[..., 1], cv2.INTER_CUBIC)
    values = np.rint(255 * linear_to_srgb(np.clip(seen, 0.0, 1.0))).astype(np.uint8)
    return np.pad(values, RIM_PX, mode="edge")
