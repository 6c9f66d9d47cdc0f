"""How much of a chart's text can be read."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.edges.linear_light import grey_of
from defocus.errors import NotApplicableError
from defocus.extras.charts.measures.characters import character_errors, read_characters
from defocus.extras.charts.reading.geometry import ChartGeometry, leaves_picture
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.sheet.layout import Sheet
from defocus.extras.charts.sheet.parts import TextLine
from defocus.pictures.values import linear_to_srgb

Floats = NDArray[np.float64]
Light = Floats | StoredLight

PX_PER_MM = 8.0
"""Resolution of the picture that is read, pixels per mm: the smallest capitals are 22 px high."""

WIDTH_MM, ABOVE, BELOW_MM = 52.0, 1.4, 2.0
"""Layout of a field of text: width in mm, height of the first base line in heights of capitals, and
space below in mm."""

RIM_PX = 20
"""Width of the rim whose letters are not read, px."""


OUTSIDE = "the text is outside the picture"
NO_TEXT = "this chart has no text"


@dataclass(frozen=True)
class ReadCharacters:
    """Characters of a chart that can be read."""

    share: float | None  # one minus errors over characters; None where unreadable
    printed: int
    reason: str = ""  # why nothing can be read; empty if it can

    def line(self) -> str:
        """The share as text."""
        if self.share is None:
            return f"characters not read: {self.reason}"
        return f"{self.share:.0%} of {self.printed} characters read"

    def to_json(self) -> dict[str, Any]:
        """The share as JSON values."""
        return {
            "characters": self.share,
            "characters_printed": self.printed,
            "characters_reason": self.reason,
        }


def characters_read(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
) -> ReadCharacters:
    """Read the chart's fields of text in ``(H, W, 3)`` linear light."""
    printed = 0
    wrong = 0.0
    reason = NO_TEXT
    lines = sheet.of_kind(TextLine)
    for _, group in groupby(lines, key=lambda line: line.x):
        field = list(group)
        truth = "".join(line.text for line in field)
        seen = _upright(light, field, geometry)
        if seen is None:
            reason = OUTSIDE
            continue
        try:
            read = read_characters(seen)
        except NotApplicableError as error:
            return ReadCharacters(None, 0, str(error))
        printed += len(truth)
        wrong += len(truth) * min(1.0, character_errors(read, truth))
    if not printed:
        return ReadCharacters(None, 0, reason)
    return ReadCharacters(1.0 - wrong / printed, printed)


def _upright(
    light: Light,
    field: list[TextLine],
    geometry: ChartGeometry,
) -> NDArray[np.uint8] | None:
    """A field of text as it lies on the sheet, sRGB values of its luminance; None if cut off."""
    left = field[0].x - 1.0
    top = field[0].y - ABOVE * field[0].height
    grid = _grid(field, left, top)
    places = geometry.to_picture(grid.reshape(-1, 2))
    start = np.floor(places.min(axis=0)).astype(int) - 2
    end = np.ceil(places.max(axis=0)).astype(int) + 3
    (left_px, top_px), (right_px, bottom_px) = start, end
    if leaves_picture((left_px, top_px, right_px, bottom_px), light.shape):
        return None
    part = light[top_px:bottom_px, left_px:right_px]
    grey = grey_of(part).astype(np.float32)
    return _as_printed(places, start, grid, grey)


def _grid(field: list[TextLine], left: float, top: float) -> Floats:
    """Places on the sheet of the pixels of a field, mm."""
    columns = np.arange(left, left + WIDTH_MM, 1 / PX_PER_MM)
    rows = np.arange(top, field[-1].y + BELOW_MM, 1 / PX_PER_MM)
    return np.stack(np.meshgrid(columns, rows), axis=-1)


def _as_printed(
    places: Floats,
    start: NDArray[np.int_],
    grid: Floats,
    grey: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """The field upright, with a rim."""
    in_part = (places - start).astype(np.float32)
    x, y = in_part.reshape(*grid.shape).transpose(2, 0, 1)
    seen = cv2.remap(
        grey,
        np.ascontiguousarray(x),
        np.ascontiguousarray(y),
        cv2.INTER_CUBIC,
    )
    encoded = linear_to_srgb(np.clip(seen, 0.0, 1.0))
    values = np.rint(255 * encoded).astype(np.uint8)
    return np.pad(values, RIM_PX, mode="edge")
