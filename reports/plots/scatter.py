"""Geometry of a scatter plot in SVG units; the templates draw it."""

import math
from dataclasses import dataclass
from itertools import pairwise

from defocus.reports.model import Point, Scatter
from defocus.reports.plots.plot import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    PlotFrame,
    Tick,
    make_axis,
)
from defocus.reports.text import visible

__all__ = ["PlacedPoint", "ScatterPlot", "scatter"]

TEXT_HEIGHT, LETTER_WIDTH = 14.0, 6.6
"""Room that a name takes, SVG units; a letter's width is a mean of the page's font."""

SCATTER_HEIGHT = 440.0
RADIUS = 6.0

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True)
class PlacedPoint:
    """A point, and its text: its name, or its number in the legend where a name has no room."""

    number: int
    label: str
    text: str
    marked: bool
    x: float
    y: float
    text_x: float
    text_y: float
    text_anchor: str


@dataclass(frozen=True, kw_only=True)
class ScatterPlot(PlotFrame):
    """Everything that a template needs to draw points."""

    points: tuple[PlacedPoint, ...]
    front: str  # SVG points of the line through the marked ones
    legend: tuple[PlacedPoint, ...]  # points that are drawn with their number alone, by number


def scatter(figure: Scatter) -> ScatterPlot:
    """Lay out points with names that overlap neither points nor names; no ticks without a point."""
    # Points with a value that is not finite, or <= 0 on a logarithmic axis, are left out.
    drawn = [
        point
        for point in figure.points
        if math.isfinite(point.x) and math.isfinite(point.y) and (point.x > 0 or not figure.log_x)
    ]
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    placed: tuple[PlacedPoint, ...] = ()
    if drawn:
        x_axis = make_axis(
            [point.x for point in drawn], LEFT, WIDTH - RIGHT, margin=0.06, log=figure.log_x
        )
        bottom = SCATTER_HEIGHT - BOTTOM
        y_axis = make_axis([point.y for point in drawn], bottom, TOP, margin=0.08)
        x_ticks, y_ticks = x_axis.ticks(6), y_axis.ticks(5)
        placed = _placed(drawn, x_axis, y_axis)
    return ScatterPlot(
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        points=placed,
        front=" ".join(f"{p.x},{p.y}" for p in sorted(placed, key=lambda p: p.x) if p.marked),
        legend=tuple(
            sorted((p for p in placed if p.text != p.label), key=lambda point: point.number)
        ),
        description=_description(figure),
        height=SCATTER_HEIGHT,
        bottom=SCATTER_HEIGHT - BOTTOM,
    )


def _placed(points: list[Point], x_axis: Axis, y_axis: Axis) -> tuple[PlacedPoint, ...]:
    spots = [(round(x_axis.place(p.x), 1), round(y_axis.place(p.y), 1)) for p in points]
    front = sorted(spot for spot, point in zip(spots, points, strict=True) if point.marked)
    around = [*spots, *_along(front)]
    taken: list[Box] = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in around]
    found: dict[int, PlacedPoint] = {}
    unnamed = 0
    # the names of the front first: they are what one looks for
    for index in sorted(range(len(points)), key=lambda n: (not points[n].marked, n)):
        point, (x, y) = points[index], spots[index]
        label = visible(point.label)
        text, place = label, _free_place(x, y, label, taken)
        if place is None:
            unnamed += 1
            text = str(unnamed)
            near = (_free_place(x, y, text, taken, reach) for reach in (1.0, 1.5, 2.0, 2.5, 3.0))
            place = next((each for each in near if each), (x + 8, y - 5, "start"))
        taken.append(_box(*place, text))
        found[index] = PlacedPoint(unnamed, label, text, point.marked, x, y, *place)
    return tuple(found[index] for index in range(len(points)))


def _along(front: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spots along the line through the marked points, so close that no text fits between two."""
    found = []
    for (x, y), (next_x, next_y) in pairwise(front):
        steps = int(math.hypot(next_x - x, next_y - y) / RADIUS) + 1
        shares = [step / steps for step in range(steps)]
        found += [(x + share * (next_x - x), y + share * (next_y - y)) for share in shares]
    return found


def _free_place(
    x: float, y: float, text: str, taken: list[Box], reach: float = 1.0
) -> tuple[float, float, str] | None:
    """A place beside a point for its text that is free and inside the frame, if there is one."""
    for right, down, anchor in (
        (9, 0, "start"),
        (-9, 0, "end"),
        (0, -14, "middle"),
        (0, 15, "middle"),
        (7, -11, "start"),
        (-7, -11, "end"),
        (7, 11, "start"),
        (-7, 11, "end"),
    ):
        place = x + reach * right, y + 4 + reach * down, anchor
        box = _box(*place, text)
        inside = box[0] >= LEFT and box[2] <= WIDTH and box[1] >= 0
        inside = inside and box[3] <= SCATTER_HEIGHT - BOTTOM
        if inside and not any(_overlap(box, other) for other in taken):
            return place
    return None


def _box(x: float, y: float, anchor: str, text: str) -> Box:
    """The box of a text whose baseline starts, ends or has its middle at a place."""
    width = LETTER_WIDTH * len(text)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, y - 0.8 * TEXT_HEIGHT, left + width, y + 0.2 * TEXT_HEIGHT


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _description(figure: Scatter) -> str:
    """The figure in words, for readers who do not see it."""
    sentences = [f"{figure.y_label} over {figure.x_label}."]
    for point in figure.points:
        mark = f" ({figure.marked_as})" if point.marked and figure.marked_as else ""
        sentences.append(f"{point.label}{mark}: {point.y:.4g} at {point.x:.4g}.")
    return visible(" ".join(sentences))
