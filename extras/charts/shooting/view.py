"""Drift over a session, as parts of its page: what the test charts show."""

from collections.abc import Iterator
from datetime import datetime

from defocus.capture.sessions.additions import ShotWords
from defocus.capture.sessions.state import SessionState
from defocus.extras.charts.drift import CLEARLY
from defocus.extras.charts.shooting.points import (
    QUANTITIES,
    ChartPoint,
    DriftQuantity,
    session_drift,
)
from defocus.reports.model import Cell, Column, Curve, Curves, Paragraph, Part, Table


def drift_parts(state: SessionState) -> tuple[Part, ...]:
    """A sentence, figures over time and tables; nothing for a session without charts."""
    points = session_drift(state)
    if not points:
        return ()
    return (
        Paragraph(_sentence(points)),
        *_figures(points),
        _charts(points),
        _changes(points),
    )


def drift_log(state: SessionState) -> tuple[Part, ...]:
    """Changes between the charts, for the log."""
    points = session_drift(state)
    return (_changes(points),) if points else ()


def drift_words(state: SessionState) -> dict[str, ShotWords]:
    """Results of each chart, in words."""
    words = {}
    for point in session_drift(state):
        shot = ShotWords(point.words, point.mtf50_words)
        words[point.chart.id] = shot
    return words


def _sentence(points: list[ChartPoint]) -> str:
    changes = []
    for one in points:
        names = _clear(one) if one.drift else []
        if one.drift and names:
            words = f"{', '.join(names)} ({one.drift.cause})"
            changes.append(f"{one.chart.id}: {words}")
    if changes:
        return f"Changed since the first chart by more than the error: {'; '.join(changes)}."
    if any(one.drift for one in points):
        return "Nothing changed since the first chart by more than its error."
    return "There is nothing to compare yet; shoot the chart again, with the same aperture."


def _clear(point: ChartPoint) -> list[str]:
    """Names of the numbers that changed by more than their errors."""
    if point.drift is None:
        return []
    names = []
    for quantity, change in zip(QUANTITIES, point.drift.changes, strict=True):
        if change is not None and change.clear:
            names.append(quantity.name)
    return names


def _figures(points: list[ChartPoint]) -> list[Part]:
    """Change of MTF50, and shift, over time; a line for each first chart."""
    figures = []
    firsts = list(_first_points(points))
    for caption, chosen in (
        ("Sharpness of the test chart", QUANTITIES[:1]),
        ("Place of the test chart", QUANTITIES[1:3]),
    ):
        lines = []
        for quantity in chosen:
            lines += [_curve(first, points, quantity) for first in firsts]
        if lines:
            unit = f"change, {chosen[0].unit}, with one standard error to either side"
            label = "minutes since the session's first chart"
            figures.append(Curves(caption, label, unit, tuple(lines)))
    return list(figures)


def _first_points(points: list[ChartPoint]) -> Iterator[ChartPoint]:
    """The points with which later ones are compared."""
    for point in points:
        if any(later.first is point.chart for later in points):
            yield point


def _curve(
    first: ChartPoint,
    points: list[ChartPoint],
    quantity: DriftQuantity,
) -> Curve:
    """A change over time, since one first chart."""
    index = QUANTITIES.index(quantity)
    rows = [(_minutes(first, points), 0.0, 0.0)]
    for one in points:
        change = None if one.drift is None else one.drift.changes[index]
        if one.first is first.chart and change is not None:
            value = quantity.per_unit * change.value
            error = quantity.per_unit * change.error
            rows.append((_minutes(one, points), value, error))
    label = (
        f"{quantity.name} since {first.chart.id}, {first.chart.shot.exposure.aperture}"
    )
    times, values, errors = zip(*rows, strict=True)
    return Curve(label, times, values, errors, measured=True)


def _time(point: ChartPoint) -> datetime:
    return datetime.fromisoformat(point.chart.shot.time)


def _minutes(point: ChartPoint, points: list[ChartPoint]) -> float:
    return (_time(point) - _time(points[0])).total_seconds() / 60


def _charts(points: list[ChartPoint]) -> Table:
    columns = (
        "Chart",
        "Time",
        "Aperture",
        Column("MTF50", "cycles/px", decimals=4),
        Column("MTF50", "lp/mm", decimals=1),
    )
    rows = []
    for point in points:
        chart = point.chart
        mtf50 = None if point.marks is None else point.marks.median_mtf50
        numbers = (mtf50, point.line_pairs_per_mm)
        rows.append((chart.id, _clock(point), chart.shot.exposure.aperture, *numbers))
    return Table.of("Test charts", columns, rows)


def _changes(points: list[ChartPoint]) -> Table:
    """The changes of charts by themselves: one table of all numbers would not fit a screen."""
    columns: list[Column | str] = ["Chart"]
    for quantity in QUANTITIES:
        name = f"{quantity.name[0].upper()}{quantity.name[1:]}"
        columns.append(Column(name, quantity.unit))
    columns.append("Changed")
    note = (
        "Changes are since the first chart with the same camera and aperture. After ± comes one "
        f"standard error; up to {CLEARLY:g} of them a change is within its error. Shift is at the "
        "middle of the picture; a positive rotation is clockwise."
    )
    return Table.of(
        "Changes of the test charts",
        columns,
        tuple(map(_change, points)),
        note,
    )


def _change(point: ChartPoint) -> tuple[Cell, ...]:
    changes = (None,) * len(QUANTITIES) if point.drift is None else point.drift.changes
    cells: list[Cell] = [point.chart.id]
    for quantity, change in zip(QUANTITIES, changes, strict=True):
        cells.append("" if change is None else quantity.number(change))
    return (*cells, _words(point))


def _clock(point: ChartPoint) -> str:
    """Day and time of a shot, as ``4 May 13:02``, which stays on one line."""
    time = _time(point).astimezone()
    return f"{time.day} {time:%b %H:%M}".replace(" ", "\N{NO-BREAK SPACE}")


def _words(point: ChartPoint) -> str:
    if point.marks is None:
        return "unknown: no chart was read"
    doubt = f" ({point.doubt})" if point.doubt else ""
    if point.first is None:
        return f"the first{doubt}"
    return (", ".join(_clear(point)) or "within its error") + doubt
