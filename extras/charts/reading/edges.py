"""Measure the edges of a chart that was found.

Each region is so small that strong blur mixes nothing else into it, or the edge is not measured."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import (
    DISC_RISE,
    END_PER_BLUR,
    END_PX,
    EdgeResponse,
    measure_edge,
)
from defocus.edges.edge_line import UnclearEdgeError
from defocus.errors import ImageError
from defocus.extras.charts.reading.geometry import ChartGeometry, leaves_picture
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Layout, Sheet, make_sheet
from defocus.extras.charts.sheet.parts import SQUARE_CORNERS, SlantedSquare, grey
from defocus.extras.charts.sheet.raster import draw_roughly

Floats = NDArray[np.float64]
Light = Floats | StoredLight

ALONG, INSIDE, OUTSIDE = 0.44, 0.40, 0.32
"""Half length and widths of an edge's region, in sides of the square."""
LEAST_PX, MOST_PX = 24, 128
"""Least side, and largest half side, of an edge's region, px: in a larger one little more noise is
averaged out."""
SHRINK = np.linspace(1.0, 0.5, 11)
STEP_MM, FARTHEST_MM = 0.5, 30.0
"""Step and range of the search for what is printed near an edge, mm."""
BESIDE_BLUR, BESIDE_PX = 1.0, 1.0
"""Least half width of a region: in radii of the blur, and in pixels."""
MOST_ERROR = 0.2
"""Largest relative error of MTF50 at which the number is reported."""
MOST_TURN_DEG = 2.0
ENDS = 0.5
"""Distance that is kept from the ends of an edge, as a share of the blur's radius."""


@dataclass(frozen=True)
class ReadEdge:
    """An edge of the chart."""

    x: float
    y: float
    low_contrast: bool  # whether it is one of 4:1
    response: EdgeResponse | None  # what was measured; None where that is impossible
    reason: str = ""


@dataclass(frozen=True)
class _Edge:
    """An edge as it is printed."""

    square: SlantedSquare
    middle: Floats  # ``(2,)`` mm
    normal: Floats  # ``(2,)`` outwards
    free_mm: float

    @property
    def along(self) -> Floats:
        """``(2,)`` unit vector along the edge."""
        return np.array([-self.normal[1], self.normal[0]])


def read_edges(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
) -> Iterator[ReadEdge]:
    """Measure the edges of all squares in ``(H, W, 3)`` linear light."""
    for edge in _edges(sheet.layout):
        x = float(edge.middle[0])
        y = float(edge.middle[1])
        low = edge.square.bright < 1.0
        try:
            yield ReadEdge(x, y, low, _measured(light, geometry, edge))
        except UnclearEdgeError:
            yield ReadEdge(x, y, low, None, UNCLEAR)
        except ImageError as error:
            yield ReadEdge(
                x,
                y,
                low,
                None,
                str(error),
            )


UNCLEAR = "noise or blur hides the edge; focus better, come nearer or give more light"
MIXED = (
    "blur mixes the edge with what is printed beside it; focus better or come nearer"
)


def edge_regions(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
) -> Iterator[tuple[float, tuple[slice, slice]]]:
    """Place on the sheet in mm from the left, and rows and columns, of each edge in a picture."""
    for edge in _edges(sheet.layout):
        try:
            yield float(edge.middle[0]), _region(light.shape, geometry, edge)
        except ImageError:
            continue


@lru_cache(maxsize=2)
def _edges(layout: Layout) -> tuple[_Edge, ...]:
    """The edges of all squares of a chart."""
    sheet = make_sheet(layout)
    drawn = draw_roughly(sheet, 1 / STEP_MM)[:, :, 1]
    edges = []
    for square in sheet.parts:
        if not isinstance(square, SlantedSquare):
            continue
        for quarter in range(4):
            turned = np.radians(square.turn_deg) + quarter * np.pi / 2
            normal = np.array([np.cos(turned), np.sin(turned)])
            centre = np.array([square.x, square.y])
            middle = centre + normal * square.side / 2
            free_mm = _free_mm(drawn, square, middle, normal)
            edges.append(_Edge(square, middle, normal, free_mm))
    return tuple(edges)


def _free_mm(
    drawn: NDArray[np.uint8],
    square: SlantedSquare,
    middle: Floats,
    normal: Floats,
) -> float:
    """How far the paper or the grey field reaches from an edge, mm."""
    direction = np.array([-normal[1], normal[0]])
    shares = np.linspace(-0.5, 0.5, 35)[:, None]
    along = direction * shares * square.side
    for depth in np.arange(2 * STEP_MM, FARTHEST_MM, STEP_MM):
        x, y = (middle + depth * normal + along).T
        if x.min() < 0 or y.min() < 0 or x.max() >= WIDTH or y.max() >= HEIGHT:
            return float(depth)
        row = (y / STEP_MM).astype(int)
        column = (x / STEP_MM).astype(int)
        seen = drawn[row, column]
        if (seen != grey(square.bright)[1]).any():
            return float(depth)
    return FARTHEST_MM


def _measured(light: Light, geometry: ChartGeometry, edge: _Edge) -> EdgeResponse:
    """Measure an edge, once more in the region that its blur leaves free."""
    response = measure_edge(light[_region(light.shape, geometry, edge)])
    scale = geometry.scale(*edge.middle)
    room = edge.free_mm * scale
    radius = response.rise_px / DISC_RISE / 2
    side = edge.square.side
    width = OUTSIDE * side * scale
    reach = min(width, END_PER_BLUR * 2 * radius + END_PX)
    is_mixed = reach + radius > room
    has_ends = ENDS * radius > (0.5 - ALONG) * side * scale
    if is_mixed or has_ends:
        response = _measured_free(light, geometry, edge, radius)
    error = response.mtf50_error
    if response.mtf50 and error is not None and error > MOST_ERROR * response.mtf50:
        raise UnclearEdgeError(UNCLEAR)
    turn_deg = response.angle_deg - _angle_deg(geometry, edge)
    if abs(turn_deg) > MOST_TURN_DEG:
        raise UnclearEdgeError(UNCLEAR)
    return response


def _measured_free(
    light: Light,
    geometry: ChartGeometry,
    edge: _Edge,
    radius: float,
) -> EdgeResponse:
    """Measure an edge in the region that its blur leaves free."""
    region = _region(light.shape, geometry, edge, radius)
    response = measure_edge(light[region])
    rows, columns = ((part.stop - part.start) / 2 for part in region)
    length, across = (columns, rows) if response.lying else (rows, columns)
    turned = length * math.tan(math.radians(abs(response.angle_deg))) / 2
    needed = BESIDE_BLUR * response.rise_px / DISC_RISE / 2 + BESIDE_PX + turned
    if across < needed:
        raise ImageError(MIXED)
    return response


def _angle_deg(geometry: ChartGeometry, edge: _Edge) -> float:
    """Angle of an edge to the nearer axis of the picture."""
    ends = np.stack([edge.middle, edge.middle + edge.along])
    start, end = geometry.to_picture(ends)
    dx, dy = end - start
    tangent = dx / dy if abs(dy) >= abs(dx) else dy / dx
    return float(np.degrees(np.arctan(tangent)))


def _region(
    shape: tuple[int, ...],
    geometry: ChartGeometry,
    edge: _Edge,
    radius: float = 0.0,
) -> tuple[slice, slice]:
    """The largest region of the picture that shows this edge alone, for a blur radius, px."""
    middle = edge.middle
    scale = geometry.scale(*middle)
    side_px = edge.square.side * scale
    width = min(OUTSIDE * edge.square.side * scale, edge.free_mm * scale - radius)
    length = min(ALONG * side_px, 0.5 * side_px - ENDS * radius)
    centre, tip = geometry.to_picture(np.stack([middle, middle + edge.normal]))
    right, down = tip - centre
    upright = abs(right) >= abs(down)
    if radius and 2 * min(width, length) < LEAST_PX:
        raise ImageError(MIXED)
    for share in SHRINK:
        half = np.minimum(MOST_PX, share * np.array([width, length]))
        half = half if upright else half[::-1]
        corners = centre + half * SQUARE_CORNERS
        if _shows_alone(edge, geometry.to_sheet(corners)):
            return _cut(shape, centre - half, centre + half)
    raise ImageError("the chart is turned too far for this edge")


def _shows_alone(edge: _Edge, corners: Floats) -> bool:
    """Whether a box with these corners on the sheet, mm, has nothing but an edge in it."""
    side = edge.square.side
    off = corners - edge.middle
    along = np.abs(off @ edge.along).max()
    depth = off @ edge.normal
    is_along = along <= ALONG * side
    return bool(
        is_along and depth.max() <= OUTSIDE * side and depth.min() >= -INSIDE * side
    )


def _cut(shape: tuple[int, ...], start: Floats, end: Floats) -> tuple[slice, slice]:
    """Rows and columns between two corners."""
    left, top = np.ceil(start).astype(int)
    right, bottom = np.floor(end).astype(int) + 1
    if leaves_picture((left, top, right, bottom), shape):
        raise ImageError("outside the picture")
    if min(right - left, bottom - top) < LEAST_PX:
        raise ImageError("too few pixels; come nearer")
    return slice(int(top), int(bottom)), slice(int(left), int(right))
