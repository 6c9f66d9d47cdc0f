"""Parts of a photographed chart that show the PSF, with what was printed there."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.read import DISC_MTF50, ChartReading
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Layout, make_sheet
from defocus.extras.charts.sheet.parts import SQUARE_CORNERS, Dot, LeavesSquare
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.scene.shapes import draw_shapes

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
Box = tuple[int, int, int, int]
"""Left, top, right and bottom, px."""

FINENESS = 4
AROUND_MM = 4.5
LEAVES_SHARE = 0.3
EDGE_MM = 1.0
MOST_PX_PER_MM = 32
LEAST_REACH, REACH_PER_BLUR = 6, 0.9
LIGHT = srgb_to_linear(as_float(np.arange(256, dtype=np.uint8)))
"""Linear light of each value of a drawing."""
SHEET = np.array([(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)])


@dataclass(frozen=True)
class ChartShot:
    """A photograph of the chart that was read."""

    light: Floats  # ``(H, W, 3)`` linear light
    reading: ChartReading
    f_number: float
    name: str = "a picture"

    @cached_property
    def blur_px(self) -> float:
        """Diameter of the disc with the median MTF50 of the green edges, px."""
        mtf50s = []
        for edge in self.reading.edges:
            if edge.response:
                green = edge.response.colour_mtf50["green"]
                mtf50s.append(green or 1.0)
        if not mtf50s:
            raise ImageError("no edge of the chart can be measured")
        return DISC_MTF50 / float(np.median(mtf50s))


@dataclass(frozen=True)
class ChartProbe:
    """A part of a photograph, and the spectrum of the print at that place."""

    field: tuple[float, float]  # place relative to the picture's centre, 1 = corner
    seen: Floats  # ``(3, h, w)`` linear light
    printed: Complex  # ``(h + 2 reach, w / 2 + reach + 1)`` spectrum, ink 0, paper 1
    reach: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns with what lies around."""
        _, height, width = self.seen.shape
        return height + 2 * self.reach, width + 2 * self.reach


def probes(shot: ChartShot) -> Iterator[ChartProbe]:
    """Dots and leaves of a photograph, with room for its blur: dots have all directions."""
    geometry = shot.reading.geometry
    reach = _reach(shot.blur_px)
    scale = min(
        math.ceil(geometry.scale(WIDTH / 2, HEIGHT / 2) * FINENESS),
        MOST_PX_PER_MM,
    )
    drawn = _printed_sheet(shot.reading.sheet.layout, scale)
    for box in _boxes(shot, reach):
        yield _probe(shot.light, geometry, box, reach, (drawn, scale))


def largest_blur(shot: ChartShot, count: int) -> int:
    """Largest blur, whole px, for which ``count`` parts have room; 0 if there is none."""
    blur = 0
    while len(list(_boxes(shot, _reach(blur + 1)))) >= count:
        blur += 1
    return blur


def _reach(blur_px: float) -> int:
    """How far around a part its light may come from, px."""
    return LEAST_REACH + math.ceil(REACH_PER_BLUR * blur_px)


def _boxes(shot: ChartShot, reach: int) -> Iterator[Box]:
    """Boxes of the dots and leaves that have room."""
    for part in shot.reading.sheet.parts:
        if isinstance(part, Dot):
            half = part.radius + AROUND_MM
        elif isinstance(part, LeavesSquare):
            half = LEAVES_SHARE * part.side
        else:
            continue
        size = shot.light.shape[1], shot.light.shape[0]
        box = _cut(size, shot.reading.geometry, (part.x, part.y, half), reach)
        if box is not None:
            yield box


@lru_cache(maxsize=1)
def _printed_sheet(layout: Layout, px_per_mm: int) -> NDArray[np.uint8]:
    """The whole sheet, sRGB values of its grey."""
    size = round(WIDTH * px_per_mm), round(HEIGHT * px_per_mm)
    drawn = draw_shapes(make_sheet(layout).shapes, (0.0, 0.0), size, float(px_per_mm))
    return np.ascontiguousarray(drawn[:, :, 1])


def _cut(
    size: tuple[int, int],
    geometry: ChartGeometry,
    place: tuple[float, float, float],
    reach: int,
) -> Box | None:
    """A square of the chart, in mm, cut where the sheet or the picture ends; None if little."""
    x, y, half = place
    corners = SQUARE_CORNERS * half + (x, y)
    inside = np.clip(corners, EDGE_MM, np.array([WIDTH, HEIGHT]) - EDGE_MM)
    start, end = _upright_box(geometry, inside)
    # what lies around must be paper too
    first, last = _upright_box(geometry, SHEET)
    least = np.maximum(0, first + reach)
    most = np.minimum(size, last - reach)
    left, top = np.maximum(start, least).tolist()
    right, bottom = np.minimum(end, most).tolist()
    if min(right - left, bottom - top) < 2 * reach:
        return None
    return left, top, right, bottom


def _upright_box(
    geometry: ChartGeometry,
    corners: Floats,
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First and last x and y, px, of the box inside four corners on the sheet, mm."""
    outline = np.sort(geometry.to_picture(corners), axis=0)
    start = np.ceil(outline[1]).astype(int)
    end = np.floor(outline[2]).astype(int)
    return start, end


def _fine_places(start: int, end: int) -> Floats:
    """Middles of the parts of all pixels of a stretch, :data:`FINENESS` parts a pixel, px."""
    return start + (np.arange((end - start) * FINENESS) + 0.5) / FINENESS


def _probe(
    light: Floats,
    geometry: ChartGeometry,
    box: Box,
    reach: int,
    sheet: tuple[NDArray[np.uint8], int],
) -> ChartProbe:
    height, width = light.shape[:2]
    left, top, right, bottom = box
    seen = light[top:bottom, left:right]
    printed = _printed(geometry, box, reach, sheet)
    return ChartProbe(
        _field(box, width, height),
        np.ascontiguousarray(seen.transpose(2, 0, 1)),
        scipy.fft.rfft2(printed),
        reach,
    )


def _printed(
    geometry: ChartGeometry,
    box: Box,
    reach: int,
    sheet: tuple[NDArray[np.uint8], int],
) -> Floats:
    """Light of what is printed in a box and around it, as the picture's pixels would see it."""
    grid = _fine_grid(box, reach)
    drawn, px_per_mm = sheet
    on_sheet = geometry.to_sheet(grid.reshape(-1, 2))
    sheet_px = on_sheet * px_per_mm - 0.5
    places = sheet_px.astype(np.float32).reshape(grid.shape)
    stored = cv2.remap(drawn, places[..., 0], places[..., 1], cv2.INTER_NEAREST)
    fine = cv2.LUT(stored, LIGHT)
    height, width = fine.shape
    size = width // FINENESS, height // FINENESS
    reduced = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float64)


def _fine_grid(box: Box, reach: int) -> Floats:
    """``(rows, columns, 2)`` places, px, of the parts of the pixels in a box and around it."""
    left, top, right, bottom = box
    columns = _fine_places(left - reach, right + reach)
    rows = _fine_places(top - reach, bottom + reach)
    grid = np.meshgrid(columns - 0.5, rows - 0.5)
    return np.stack(grid, axis=-1)


def _field(box: Box, width: int, height: int) -> tuple[float, float]:
    """Place of a box in the picture; 1 is a corner."""
    left, top, right, bottom = box
    middle = np.array([(left + right - 1) / 2, (top + bottom - 1) / 2])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    x, y = (middle - centre) / math.hypot(*centre)
    return float(x), float(y)
