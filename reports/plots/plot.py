"""Geometry of a line plot in SVG units; the templates draw it."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from defocus.reports.model import Curve, Curves
from defocus.reports.text import visible

__all__ = [
    "COLOURS",
    "CROWDED",
    "Axis",
    "Line",
    "Plot",
    "PlotFrame",
    "Tick",
    "make_axis",
    "plot",
    "shape_number",
]

WIDTH, HEIGHT = 720.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 76.0, 16.0, 10.0, 32.0
MAX_POINTS = 360
MARKERS = 5
SIDE_BY_SIDE, ALL_BESIDE, CROWDED = 9.0, 56.0, 0.7
"""Between two points that stand side by side, and what all of them take at most: in itself, and as
a share of the way to the next place."""
AT_NAMED = 14.0
"""Between two of them where places have names, which are equally far apart."""

COLOURS = ("#0068a8", "#c94f00", "#007a55", "#a23b86", "#806300", "#52525b")
"""After Okabe and Ito, darkened to a contrast of at least 4.5 on white."""
SHAPES = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",
    "M-4.5 -4.5H4.5V4.5H-4.5Z",
    "M0 -6L5.5 4H-5.5Z",
    "M0 -6.5L5.5 0L0 6.5L-5.5 0Z",
    "M0 6L5.5 -4H-5.5Z",
    "M-2 -6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
)
"""Markers around their origin: lines stay apart where colours do not, as in a grey print."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A labelled position on an axis, SVG units."""

    position: float
    text: str


@dataclass(frozen=True)
class Line:
    """A curve as the template draws it."""

    label: str
    style: int  # number of its colour and shape
    colour: str
    shape: str  # SVG path of its markers
    dashed: bool
    stretches: tuple[str, ...]  # SVG ``points`` of its unbroken stretches
    markers: tuple[Point, ...]  # a few of its points
    bars: tuple[tuple[float, float, float], ...]  # error bars: x, and y of both ends


@dataclass(frozen=True, kw_only=True)
class PlotFrame:
    """Geometry of a figure with axes for the template; lengths are in SVG units."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    description: str
    zero: float | None = None  # height of 0 where values lie on both sides of it
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True, kw_only=True)
class Plot(PlotFrame):
    """Everything that a template needs to draw curves."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Axis:
    """Maps values to positions in SVG units; ``low`` and ``high`` are logarithms on a log axis."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Position of a value."""
        number = math.log10(value) if self.log else value
        return self.start + (number - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, count: int) -> tuple[Tick, ...]:
        """Round values along the axis, about ``count``."""
        values = _log_ticks(self.low, self.high, count) if self.log else []
        if not values:
            low, high = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
            values = _linear_ticks(low, high, count)
        texts = _tick_texts(values)
        return tuple(
            Tick(round(self.place(value), 2), text)
            for value, text in zip(values, texts, strict=True)
        )


def plot(figure: Curves) -> Plot:
    """Lay out a figure; without ticks if no curve has a point that can be drawn."""
    # Values that are not finite, and values <= 0 on a logarithmic axis, leave a gap. Long curves
    # are thinned, keeping their extremes.
    stretches = [_stretches(curve, figure.log_y, figure.floor) for curve in figure.curves]
    points = [point for curve in stretches for stretch in curve for point in stretch]
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    lines: tuple[Line, ...] = ()
    zero = None
    if points:
        x_axis = _x_axis(figure, [x for x, _ in points])
        ends = [y for curve in figure.curves for _, *bar in _bars(curve, figure.floor) for y in bar]
        values = [*(y for _, y in points), *ends]
        y_axis = make_axis(values, HEIGHT - BOTTOM, TOP, margin=0.05, log=figure.log_y)
        if figure.floor is not None:
            y_axis = replace(y_axis, low=figure.floor)
        zero = round(y_axis.place(0), 2) if min(values) < 0 < max(values) else None
        names = enumerate(figure.places)
        x_ticks = tuple(Tick(round(x_axis.place(place), 2), name) for place, name in names)
        x_ticks, y_ticks = x_ticks or x_axis.ticks(6), y_axis.ticks(5)
        moved = _side_by_side(figure, x_axis, len(figure.curves))
        lines = tuple(
            _line(number, curve, figure, parts, (_moved(x_axis, moved[number]), y_axis))
            for number, (curve, parts) in enumerate(zip(figure.curves, stretches, strict=True))
        )
    words = _description(figure)
    return Plot(x_ticks=x_ticks, y_ticks=y_ticks, lines=lines, description=words, zero=zero)


def _x_axis(figure: Curves, values: Sequence[float]) -> Axis:
    """The horizontal axis, with room for all that stands side by side."""
    if figure.places:
        return Axis(-0.5, len(figure.places) - 0.5, LEFT, WIDTH - RIGHT)
    margin = ALL_BESIDE / (WIDTH - LEFT - RIGHT - ALL_BESIDE) / 2 if figure.apart else 0.0
    return make_axis(values, LEFT, WIDTH - RIGHT, margin=margin)


def shape_number(number: int) -> int:
    """Number of a curve's shape: curves of one colour, every sixth, have different ones."""
    return (number + number // len(COLOURS) * 3) % len(SHAPES)


def _side_by_side(figure: Curves, axis: Axis, count: int) -> list[float]:
    """How far the points of each curve are moved to the right, SVG units."""
    if not figure.apart:
        return [0.0] * count
    known = sorted({axis.place(x) for curve in figure.curves for x in curve.x if math.isfinite(x)})
    ways = [CROWDED * (right - left) for left, right in itertools.pairwise(known)]
    step = min(SIDE_BY_SIDE, min([ALL_BESIDE, *ways]) / count)
    if figure.places:
        step = min(AT_NAMED, CROWDED * (axis.place(1) - axis.place(0)) / count)
    return [(index - (count - 1) / 2) * step for index in range(count)]


def _moved(axis: Axis, by: float) -> Axis:
    return replace(axis, start=axis.start + by, end=axis.end + by)


def _stretches(curve: Curve, log: bool, floor: float | None = None) -> list[list[Point]]:
    """Cut a curve where a value cannot be drawn, and where it crosses the floor."""
    stretches: list[list[Point]] = [[]]
    for x, y in zip(curve.x, curve.y, strict=True):
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log):
            stretches[-1].append((x, y))
        elif stretches[-1]:
            stretches.append([])
    if floor is not None:
        stretches = [part for stretch in stretches for part in _above(stretch, floor)]
    return [_thinned(stretch) for stretch in stretches if stretch]


def _above(stretch: Sequence[Point], floor: float) -> list[list[Point]]:
    """The parts of a stretch that are not below a value, each to where it crosses it."""
    parts: list[list[Point]] = [[]]
    before: Point | None = None
    for point in stretch:
        if before is not None and (before[1] < floor) != (point[1] < floor):
            share = (floor - before[1]) / (point[1] - before[1])
            parts[-1].append((before[0] + share * (point[0] - before[0]), floor))
        if point[1] < floor:
            parts.append([])
        else:
            parts[-1].append(point)
        before = point
    return [part for part in parts if part]


def _bars(curve: Curve, floor: float | None = None) -> list[tuple[float, float, float]]:
    """Where error bars stand, and their ends; none where a value cannot be drawn."""
    least = -math.inf if floor is None else floor
    pairs = zip(curve.x, curve.y, curve.errors, strict=True) if curve.errors else ()
    found = ((x, y, error if isinstance(error, tuple) else (error, error)) for x, y, error in pairs)
    bars = [(x, max(y - below, least), y + above) for x, y, (below, above) in found if y >= least]
    return [bar for bar in bars if all(map(math.isfinite, bar)) and bar[1] < bar[2]]


def _thinned(points: list[Point]) -> list[Point]:
    """Keep first, lowest, highest and last of each run of points; the line looks the same."""
    if len(points) <= MAX_POINTS:
        return points
    run = math.ceil(len(points) / (MAX_POINTS // 4))
    kept: list[Point] = []
    for start in range(0, len(points), run):
        part = range(start, min(start + run, len(points)))
        lowest = min(part, key=lambda index: points[index][1])
        highest = max(part, key=lambda index: points[index][1])
        kept += [points[index] for index in sorted({part[0], lowest, highest, part[-1]})]
    return kept


def make_axis(
    values: Sequence[float], start: float, end: float, *, margin: float, log: bool = False
) -> Axis:
    """The axis that holds all values (at least one finite); a share of it is free at both ends."""
    low, high = min(values), max(values)
    if log:
        low, high = math.log10(low), math.log10(high)
    space = (high - low) * margin
    if math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-300):  # one value: it lies in the middle
        space = 0.5 if log else abs(low) * 0.5 or 0.5
    return Axis(low - space, high + space, start, end, log)


def _linear_ticks(low: float, high: float, count: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, at most ``count`` + 1 of them."""
    power = 10.0 ** math.floor(math.log10((high - low) / count))
    step = next(
        power * factor for factor in (1, 2, 5, 10) if power * factor * count >= (high - low) * 0.999
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, count: int) -> list[float]:
    """Powers of ten, or 1, 2, 5 times them; empty if linear ticks are needed."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        values = [
            factor * 10.0**decade
            for decade in decades
            for factor in factors
            if low <= math.log10(factor) + decade <= high
        ]
        if len(values) >= 3:
            return values[:: math.ceil(len(values) / (count + 1))]
    return []


def _tick_texts(values: Sequence[float]) -> list[str]:
    """Plain decimals if they are short, otherwise powers of ten."""
    shortest = [f"{value:.10g}".replace("-", "−") for value in values]
    if any("e" in text or len(text) > 7 for text in shortest):
        short = [f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e") for value in values]
        return [text.replace("-", "−") for text in short]
    digits = max(len(text.partition(".")[2]) for text in shortest)
    steps = [right - left for left, right in itertools.pairwise(values)]
    if steps and math.isclose(min(steps), max(steps), rel_tol=1e-6):
        return [f"{value:.{digits}f}".replace("-", "−") for value in values]
    return shortest


def _line(
    index: int, curve: Curve, figure: Curves, stretches: list[list[Point]], axes: tuple[Axis, Axis]
) -> Line:
    x_axis, y_axis = axes
    placed = [
        [(round(x_axis.place(x), 1), round(y_axis.place(y), 1)) for x, y in stretch]
        for stretch in stretches
    ]
    style = index % len(COLOURS)
    return Line(
        curve.label,
        style,
        COLOURS[style],
        SHAPES[shape_number(index)],
        index >= len(COLOURS),
        tuple(" ".join(f"{x},{y}" for x, y in part) for part in placed if len(part) > 1),
        _markers(_measured(placed, curve, x_axis), index, every=curve.measured),
        tuple(
            (round(x_axis.place(x), 1), round(y_axis.place(low), 1), round(y_axis.place(high), 1))
            for x, low, high in _bars(curve, figure.floor)
        ),
    )


def _measured(placed: list[list[Point]], curve: Curve, x_axis: Axis) -> list[list[Point]]:
    """Without the places where a curve crosses the floor, if its points are measurements."""
    if not curve.measured:
        return placed
    known = {round(x_axis.place(x), 1) for x in curve.x if math.isfinite(x)}
    return [[point for point in part if point[0] in known] for part in placed]


def _markers(stretches: list[list[Point]], index: int, *, every: bool) -> tuple[Point, ...]:
    """Points with a marker: both ends and a few more, shifted between curves; or every one."""
    alone = [part[0] for part in stretches if len(part) == 1]
    points = [point for part in stretches if len(part) > 1 for point in part]
    if every or len(points) <= MARKERS:
        return tuple(sorted({*alone, *points}))
    spread = (WIDTH - LEFT - RIGHT) / MARKERS
    offset = LEFT + spread * (index % len(COLOURS) + 0.5) / len(COLOURS)
    chosen = [
        min(points, key=lambda point, x=offset + step * spread: abs(point[0] - x))  # type: ignore[misc]
        for step in range(MARKERS)
    ]
    return tuple(sorted({*alone, *chosen, points[0], points[-1]}))


def _description(figure: Curves) -> str:
    """The figure in words, for readers who do not see it."""
    sentences = [f"{figure.y_label} over {figure.x_label}."]
    for curve in figure.curves:
        points = [point for part in _stretches(curve, figure.log_y) for point in part]
        if not points:
            sentences.append(f"{curve.label}: nothing to draw.")
            continue
        (first_x, first_y), (last_x, last_y) = points[0], points[-1]
        low, high = min(y for _, y in points), max(y for _, y in points)
        sentences.append(
            f"{curve.label}: from {first_y:.4g} at {_where(figure, first_x)} to {last_y:.4g} at "
            f"{_where(figure, last_x)}, between {low:.4g} and {high:.4g}."
        )
    return visible(" ".join(sentences))


def _where(figure: Curves, x: float) -> str:
    """A place of the horizontal axis in words."""
    return figure.places[int(x)] if figure.places else f"{x:.6g}"
