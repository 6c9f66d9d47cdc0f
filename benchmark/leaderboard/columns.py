"""Columns by name, and the one way from a leaderboard's lines to a table.

A column knows head, unit, direction and decimals; terminal, page and papers choose and render."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from defocus.benchmark.evaluation.columns import column_of
from defocus.benchmark.leaderboard.classes import counted_head, most_images
from defocus.benchmark.leaderboard.lines import BoardLine, Convention
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metrics.metric import all_metrics
from defocus.reports.display import shown_difference
from defocus.reports.model import Cell, Column, Measured, Table

GAIN = "gain"

COST_COLUMNS = {
    "params_m": Column("Parameters", "M", None, 2),
    "macs_g": Column("MACs", "G", None, 2),
    "peak_mib": Column("Memory", "MiB", None, 0),
    "seconds": Column("Time", "s", None, 3),
    "seconds_mp": Column("Time per MP", "s", None, 2),
}

_COLUMNS = {GAIN: Column("Gain", "dB", "higher", 2), **COST_COLUMNS}

Named = tuple[Column, Sequence[Cell]]
"""A column with its cells."""


def column(
    key: str,
    name: str = "",
    numbers: Iterable[float | None] = (),
    **more: Any,  # noqa: ANN401 - fields of Column
) -> Column:
    """The column of a metric (or of a part of it), a cost or ``gain``; ``name`` is another head.

    With its numbers of parameters, that of a small network is not shown as 0."""
    base = _COLUMNS.get(key)
    if key == "params_m":
        fewest = min(filter(None, numbers), default=1.0)
        if fewest < 0.5 / 10 ** COST_COLUMNS[key].decimals:
            more["decimals"] = 1 - math.floor(math.log10(fewest))
    if base is None:
        metric = all_metrics()[column_of(key)]
        base = Column(metric.display_name, metric.unit, metric.better, metric.decimals)
    return replace(base, name=name or base.name, **more)


def shown_gain(row: Row) -> float | None:
    """The gain of a row as it is shown: that of its rounded number over the input's, dB."""
    if row.gain is None or row.value is None:
        return row.gain
    before = row.value - row.gain  # the input on the same pictures
    decimals = _COLUMNS[GAIN].decimals
    return shown_difference(row.value, before, decimals, row.gain)


def unit_of(key: str) -> str:
    """The unit of a metric or a cost; empty if it has none, and for any other column."""
    return column(key).unit if key in COST_COLUMNS or key in all_metrics() else ""


@dataclass(frozen=True)
class BoardPlace:
    """A column of a leaderboard: a score or the gain under a convention, or a cost without one."""

    convention: Convention | None
    key: str

    def row(self, line: BoardLine) -> Row | None:
        """The row behind a line's cell."""
        return line.row(self.convention, "psnr" if self.key == GAIN else self.key)

    def number(self, line: BoardLine) -> float | None:
        """The number of a line."""
        row = self.row(line)
        if row is None:
            return None
        return row.gain if self.key == GAIN else row.value

    def shown_number(self, line: BoardLine) -> float | None:
        """The number of a line as it is shown; a gain is that of the rounded numbers."""
        row = self.row(line)
        if row is not None and self.key == GAIN:
            return shown_gain(row)
        return self.number(line)

    def cell(self, line: BoardLine) -> Measured | None:
        """The number of a line with its interval, and its spread over trainings."""
        row = self.row(line)
        value = self.shown_number(line)
        if row is None or value is None:
            return None
        low, high = row.ci_low, row.ci_high
        if self.key == GAIN:
            low, high = row.gain_low, row.gain_high
        interval = None if low is None or high is None else (low, high)
        return Measured(value, interval, spread=row.spread)

    def head(
        self,
        lines: Sequence[BoardLine],
        usual: int,
        name: str = "",
        **more: Any,  # noqa: ANN401 - fields of Column
    ) -> Column:
        """The column; it says its number of pictures where that is not the table's usual one."""
        base = column(self.key, name, map(self.number, lines), **more)
        if self.convention is None:
            return base
        return replace(base, name=counted_head(base.name, map(self.row, lines), usual))

    def numbers(
        self,
        lines: Sequence[BoardLine],
        usual: int,
        name: str = "",
        **more: Any,  # noqa: ANN401 - fields of Column
    ) -> tuple[Column, list[float | None]]:
        """The column with the bare numbers of lines."""
        return self.head(lines, usual, name, **more), list(
            map(self.shown_number, lines)
        )


def pictures_of(place: BoardPlace, lines: Iterable[BoardLine]) -> int:
    """How many pictures are behind most numbers of a column."""
    return most_images(filter(None, map(place.row, lines)))


def systems_table(
    caption: str,
    names: Iterable[Cell],
    columns: Iterable[Named],
    note: str = "",
    **more: Any,  # noqa: ANN401 - further fields of the table
) -> Table:
    """The table of systems with those of the columns that have a value."""
    heads: list[Column | str] = ["System"]
    shown: list[Iterable[Cell]] = [names]
    for head, cells in columns:
        if any(cell is not None for cell in cells):
            heads.append(head)
            shown.append(cells)
    return Table.of(caption, heads, zip(*shown, strict=True), note, **more)
