"""Columns of tables for papers: numbers with their marks, and differences to the first row."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from defocus.benchmark.documents.paper_options import NAME, ROWS, PaperOptions
from defocus.benchmark.leaderboard.columns import GAIN, BoardPlace, column
from defocus.benchmark.leaderboard.content import (
    Content,
    TrackKey,
    setting_of,
    tracks_by_key,
)
from defocus.benchmark.leaderboard.lines import Board, BoardLine, track_of
from defocus.benchmark.leaderboard.rows import Row
from defocus.reports.display import number_text, shown_difference
from defocus.reports.model import Column, Measured


@dataclass(frozen=True)
class PaperPlace(BoardPlace):
    """A column of one of several leaderboards."""

    board: Board

    def row(self, line: BoardLine) -> Row | None:
        """The row behind a line's cell, from the line with the same key in this leaderboard."""
        for mine in self.board.lines:
            if mine.key == line.key:
                return super().row(mine)
        return None

    def rows(self) -> dict[str, Row]:
        """The rows behind the column, by the name of their line."""
        rows = {}
        for line in self.board.lines:
            row = self.row(line)
            if row is not None:
                rows[line.name] = row
        return rows


Cells = list[Measured | None]

LineId = tuple[str, ...]
"""System, origin of its weights and what they were trained on."""


def line_order(
    scored: Sequence[PaperPlace],
    options: PaperOptions,
) -> Callable[[BoardLine], tuple[float, str]]:
    """Sort key of lines: by name, by their patterns, or best first by a column."""
    order = options.ordering
    if order == NAME:
        return lambda line: (0.0, line.name)
    if order == ROWS:
        return lambda line: (options.place(line.first.system), line.name)
    places = [replace(place, key=order) for place in scored] if order else scored

    def best_first(line: BoardLine) -> tuple[float, str]:
        for place in places:
            value = place.number(line)
            if value is not None:
                return value if head(place, ()).better == "lower" else -value, line.name
        return math.inf, line.name

    return best_first


def head(place: PaperPlace, lines: Sequence[BoardLine]) -> Column:
    """The head of a column."""
    if place.convention is not None:
        return column(place.key, bar=place.key == GAIN)
    cost = column(place.key, numbers=map(place.number, lines))
    name = f"{cost.name} ({cost.unit})"
    return replace(cost, name=name, unit="", better="lower")


Tested = Mapping[object, Mapping[frozenset[LineId], bool]]
"""By track: whether two of its systems differ significantly."""


class Tests:
    """The paired tests of a study; none where they are not wanted."""

    def __init__(self, content: Content, *, wanted: bool) -> None:
        self.content = content
        self._wanted = wanted
        self._of_metric: dict[str, Tested] = {}

    def differ(
        self,
        place: PaperPlace,
        line: BoardLine,
        other: BoardLine,
    ) -> bool | None:
        """Whether two lines differ significantly in a column; None if nothing tested them."""
        row = place.row(line)
        if not self._wanted or place.convention is None or row is None:
            return None
        if row.metric not in self._of_metric:
            self._of_metric[row.metric] = _tested(self.content, row.metric)
        track = setting_of(row), place.convention.protocol, line.track
        tested = self._of_metric[row.metric].get(track, {})
        return tested.get(frozenset((line.key[:3], other.key[:3])))


def _tested(content: Content, metric: str) -> Tested:
    by_track: dict[object, dict[frozenset[LineId], bool]] = {}
    for key, track in tracks_by_key(content.results, metric).items():
        ids: dict[str, LineId] = {}
        for one in track.standings:
            ids[one.label] = (one.system, one.weights, one.train_dataset)
        by_pair: dict[frozenset[LineId], bool] = {}
        for difference in track.differences:
            pair = frozenset((ids[difference.first], ids[difference.second]))
            by_pair[pair] = difference.significant
        by_track[key] = by_pair
    return by_track


def ranked_columns(
    place: PaperPlace,
    lines: Sequence[BoardLine],
    tests: Tests,
) -> Iterator[tuple[Column, Cells]]:
    """A column with the best two of each track marked if it is ranked."""
    shown = head(place, lines)
    highest_first = shown.better == "higher"
    cells = [_cell(place, line) for line in lines]
    for members in _ranked(place, lines, tests.content):
        printed = {n: _printed(cells[n], shown) for n in members}
        steps = sorted(set(printed.values()), reverse=highest_first)[:2]
        best = next(n for n in members if printed[n] == steps[0])
        for number, value in printed.items():
            differs = tests.differ(place, lines[number], lines[best])
            cells[number] = _marked(cells[number], value, steps, differs=differs)
    yield shown, cells


def _ranked(
    place: PaperPlace,
    lines: Sequence[BoardLine],
    content: Content,
) -> Iterable[list[int]]:
    """The numbers of the lines of each track that have a rank and a value."""
    tracks: dict[TrackKey, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if place.convention is None or place.cell(line) is None:
            continue
        if track_of(content, line, place.convention)[1] is not None:
            tracks[line.track].append(number)
    return tracks.values()


def _marked(
    cell: Measured | None,
    value: float,
    steps: Sequence[float],
    *,
    differs: bool | None,
) -> Measured | None:
    """A cell with the mark of the best or the second best value."""
    if cell is None or value not in steps:
        return cell and replace(cell, differs=differs)
    return replace(cell, place=1 if value == steps[0] else 2, differs=differs)


def compared_columns(
    place: PaperPlace,
    lines: Sequence[BoardLine],
    tests: Tests,
) -> Iterator[tuple[Column, Cells]]:
    """A column without ranks, and behind a score the difference of each row to the first."""
    shown = head(place, lines)
    cells = [_cell(place, line) for line in lines]
    yield shown, cells
    if place.convention is None or place.key == GAIN:
        return
    differences = [_difference(place, line, lines[0], tests) for line in lines]
    yield replace(shown, name=f"Δ {shown.name}", signed=True), differences


def _difference(
    place: PaperPlace,
    line: BoardLine,
    first: BoardLine,
    tests: Tests,
) -> Measured | None:
    """The difference of two lines over the same pictures."""
    mine, other = place.row(line), place.row(first)
    if mine is None or other is None or mine.images != other.images:
        return None
    if mine.value is None or other.value is None:
        return None
    decimals = head(place, [line, first]).decimals
    difference = shown_difference(mine.value, other.value, decimals)
    return Measured(difference, differs=tests.differ(place, line, first))


def _cell(place: PaperPlace, line: BoardLine) -> Measured | None:
    """A number with the spread of its trainings; for one training, with its interval."""
    cell = place.cell(line)
    if cell is None or cell.spread is None:
        return cell
    return replace(cell, interval=None)


def _printed(cell: Measured | None, shown: Column) -> float:
    """A number as printed; systems with equal printed numbers share a mark."""
    value = cell.value if cell else None
    return float(number_text(value, shown.decimals).replace("−", "-"))
