"""Geometry of a scatter plot in SVG units; the templates draw it."""

import math
from dataclasses import dataclass

from defocus.reports.model import Point, Scatter
from defocus.reports.plots.plot import (
    BOTTOM,
    HEIGHT,
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

TEXT_HEIGHT, TEXT_WIDTH = 14.0, 18.0


@dataclass(frozen=True)
class PlacedPoint:
    """A point with its number, and where the number is written."""

    number: int
    label: str
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
    front: str


def scatter(figure: Scatter) -> ScatterPlot:
    """Lay out a figure: axes, and points with numbers that overlap as little as possible.

    Points with a value that is not finite, or <= 0 on a logarithmic axis, are left out.

    Args:
        figure: The scatter plot.

    Returns:
        The geometry; without ticks if no point can be drawn.
    """
    numbered = [
        (number, point)
        for number, point in enumerate(figure.points, start=1)
        if math.isfinite(point.x) and math.isfinite(point.y) and (point.x > 0 or not figure.log_x)
    ]
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    placed: tuple[PlacedPoint, ...] = ()
    if numbered:
        points = [point for _, point in numbered]
        x_axis = make_axis(
            [point.x for point in points], LEFT, WIDTH - RIGHT, margin=0.06, log=figure.log_x
        )
        y_axis = make_axis([point.y for point in points], HEIGHT - BOTTOM, TOP, margin=0.08)
        x_ticks, y_ticks = x_axis.ticks(6), y_axis.ticks(5)
        placed = _placed(numbered, x_axis, y_axis)
    return ScatterPlot(
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        points=placed,
        front=" ".join(f"{p.x},{p.y}" for p in sorted(placed, key=lambda p: p.x) if p.marked),
        description=_description(figure),
    )


def _placed(
    numbered: list[tuple[int, Point]], x_axis: Axis, y_axis: Axis
) -> tuple[PlacedPoint, ...]:
    spots = [(round(x_axis.place(p.x), 1), round(y_axis.place(p.y), 1)) for _, p in numbered]
    taken = list(spots)
    placed = []
    for (number, point), (x, y) in zip(numbered, spots, strict=True):
        corners = [
            (x + 8, y - 5, "start"),
            (x - 8, y - 5, "end"),
            (x + 8, y + 14, "start"),
            (x - 8, y + 14, "end"),
            (x, y - 10, "middle"),
            (x, y + 20, "middle"),
        ]
        text_x, text_y, text_anchor = max(
            corners, key=lambda corner: min(1.0, _room(corner[:2], taken))
        )
        taken.append((text_x, text_y))
        placed.append(
            PlacedPoint(number, point.label, point.marked, x, y, text_x, text_y, text_anchor)
        )
    return tuple(placed)


def _room(spot: tuple[float, float], taken: list[tuple[float, float]]) -> float:
    """Distance to the nearest object, in lengths of a number; 1 or more is enough."""
    return min(
        math.hypot((spot[0] - x) / TEXT_WIDTH, (spot[1] - y) / TEXT_HEIGHT) for x, y in taken
    )


def _description(figure: Scatter) -> str:
    """The figure in words, for readers who do not see it."""
    sentences = [f"{figure.y_label} over {figure.x_label}."]
    for number, point in enumerate(figure.points, start=1):
        mark = f" ({figure.marked_as})" if point.marked and figure.marked_as else ""
        sentences.append(f"{number} {point.label}{mark}: {point.y:.4g} at {point.x:.4g}.")
    return visible(" ".join(sentences))
