"""Tables for papers, one function per style."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from defocus.benchmark.leaderboard.classes import (
    SCALES_NOTE,
    empty_notes,
    left_out_notes,
    most_images,
    notice_on,
    over_pictures,
    protocol_notes,
)
from defocus.benchmark.leaderboard.columns import COST_COLUMNS, GAIN, BoardPlace, column
from defocus.benchmark.leaderboard.content import Content, TrackKey
from defocus.benchmark.leaderboard.groups import classes_of, in_order
from defocus.benchmark.leaderboard.lines import (
    Board,
    BoardLine,
    Convention,
    LineKey,
    read_boards,
    track_of,
)
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.seen_notes import seen_notes
from defocus.benchmark.metrics.metric import NO_REFERENCE, all_metrics
from defocus.progress import counted
from defocus.reports.display import capital, csv_text, number_text
from defocus.reports.latex import ColumnGroup, PaperTable
from defocus.reports.model import Column, Measured

METRICS = ("psnr", GAIN, "ssim", "mae", "lpips")
"""The columns that the field's papers have, and the gain; ``table leaderboard`` has all."""

PLACES = {"psnr_indoor": "Indoor", "psnr_outdoor": "Outdoor", "psnr": "Combined"}


@dataclass(frozen=True)
class _Place(BoardPlace):
    """A column of one of several leaderboards."""

    board: Board

    def row(self, line: BoardLine) -> Row | None:
        """The row behind the cell of the line of this key in this leaderboard."""
        mine = next((one for one in self.board.lines if one.key == line.key), None)
        return None if mine is None else super().row(mine)

    def rows(self) -> dict[str, Row]:
        """The rows behind the column, by the name of their line."""
        return {n.name: row for n in self.board.lines if (row := self.row(n)) is not None}


Groups = list[tuple[str, list[_Place]]]
"""Name and columns of each group."""

Layout = Callable[[Sequence[Board]], list[tuple[str, Groups]]]
"""From leaderboards to tables: a caption, and the groups of columns."""


def paper_tables(content: Content, style: str) -> list[PaperTable]:
    """Make the tables of one style, a row per line, the input first, then by track and PSNR."""
    layout, words = STYLES[style]
    tables = []
    for apart in (False, True):
        for number, (caption, groups) in enumerate(layout(read_boards(content)), start=1):
            label = f"tab:{style}-{number}{'-rebuilt' if apart else ''}"
            lines = _lines(content, groups, rebuilt=apart)
            shown = _has_systems(lines)
            if lines and not shown and not apart:  # references alone, unless systems are apart
                shown = not _has_systems(_lines(content, groups, rebuilt=True))
            if shown:
                full_caption = f"{words}{caption}{', reconstructions' if apart else ''}"
                tables.append(_table(content, full_caption, label, groups, lines))
    return tables


def _has_systems(lines: Sequence[BoardLine]) -> bool:
    return any(not line.reference for line in lines)


def paper_csv(tables: Sequence[PaperTable]) -> str:
    """Tables as CSV, one below the other with captions; numbers are rounded as in print."""
    lines: list[Sequence[str | Decimal | None]] = []
    for number, table in enumerate(tables):
        heads = ["System", "Pictures"]
        for index, (group, head) in enumerate((g, c) for g in table.groups for c in g.columns):
            name = f"{group.name} {head.name}".strip()
            heads += [name, *(f"{name} {end}" for end in _ends(table, index))]
        lines += [[]] if number else []
        lines += [[f"{table.caption}. {table.note}".strip()], heads]
        for (name, cells), images in zip(table.rows, table.images, strict=True):
            numbers = [n for index, cell in enumerate(cells) for n in _numbers(table, index, cell)]
            lines.append([name, Decimal(images), *numbers])
    return csv_text(lines)


def _ends(table: PaperTable, index: int) -> list[str]:
    """Names of what is beside the numbers of a column."""
    cells = [cells[index] for _, cells in table.rows]
    low_high = ["low", "high"] if any(cell and cell.interval for cell in cells) else []
    return [*low_high, *(["sd"] if any(cell and cell.spread is not None for cell in cells) else [])]


def _numbers(table: PaperTable, index: int, cell: Measured | None) -> Iterator[Decimal | None]:
    ends = _ends(table, index)
    interval = (cell.interval if cell else None) or (None, None)
    values = [cell.value if cell else None]
    values += list(interval) if "low" in ends else []
    values += [cell.spread if cell else None] if "sd" in ends else []
    for value in values:
        text = None if value is None else f"{value:z.{table.columns[index].decimals}f}"
        yield None if text is None else Decimal(text)


def _methods(boards: Sequence[Board]) -> list[tuple[str, Groups]]:
    """One table per dataset and protocol: the field's four metrics, and the gain."""
    return [
        (f"{board.name}, {_against(board, one)}", [("", columns)])
        for board in boards
        for one in board.conventions
        if (columns := _columns(board, one))
    ]


def _protocols(boards: Sequence[Board]) -> list[tuple[str, Groups]]:
    """One table per dataset: the protocols side by side."""
    return [
        (
            board.name,
            [
                (_counted_name(board.convention_name(one), columns), columns)
                for one in board.conventions
                if (columns := _columns(board, one))
            ],
        )
        for board in boards
    ]


def _datasets(boards: Sequence[Board]) -> list[tuple[str, Groups]]:
    """One table: the datasets side by side, each under its profile's own protocol."""
    groups: Groups = []
    for board in boards:
        if columns := _columns(board, _main(board)):
            name = f"{board.name} ({_main(board).protocol})"
            groups.append((_counted_name(name, columns), columns))
    return [(counted(len(groups), "evaluation"), groups)] if groups else []


def _places(boards: Sequence[Board]) -> list[tuple[str, Groups]]:
    """One table per dataset: PSNR indoors, outdoors and of both."""
    tables: list[tuple[str, Groups]] = []
    for board in boards:
        one = _main(board)
        columns = [(words, _Place(one, name, board)) for name, words in PLACES.items()]
        if all(most_images(place.rows().values()) for _, place in columns):
            groups = [(_counted_name(words, [place]), [place]) for words, place in columns]
            tables.append((f"{board.name}, protocol {one.protocol}", groups))
    return tables


def _costs(boards: Sequence[Board]) -> list[tuple[str, Groups]]:
    """One table per dataset: quality and cost."""
    tables: list[tuple[str, Groups]] = []
    for board in boards:
        one = _main(board)
        quality = [place for place in _columns(board, one) if place.key in {"psnr", "ssim"}]
        costs = [_Place(None, name, board) for name in COST_COLUMNS]
        if quality:
            tables.append(
                (f"{board.name}, {_against(board, one)}", [("Quality", quality), ("Cost", costs)])
            )
    return tables


STYLES: dict[str, tuple[Layout, str]] = {
    "methods": (_methods, "Restoration on "),
    "protocols": (_protocols, "Restoration by protocol on "),
    "datasets": (_datasets, "Restoration by dataset, "),
    "places": (_places, "PSNR by place on "),
    "costs": (_costs, "Quality and cost on "),
}
"""Layout and begin of the caption by name."""


def _main(board: Board) -> Convention:
    """The convention that the report shows first: the truth where there is one."""
    return board.conventions[0]


def _against(board: Board, one: Convention) -> str:
    """Protocol, pictures and scenes of a table."""
    rows = list(_Place(one, board.leading(one).name, board).rows().values())
    over = f": {over_pictures(rows, f'{board.key.split} picture')}" if most_images(rows) else ""
    return f"protocol {board.convention_name(one)}{over}"


def _counted_name(name: str, columns: Sequence[_Place]) -> str:
    return f"{name}, {over_pictures(list(columns[0].rows().values()))}"


def _columns(board: Board, one: Convention) -> list[_Place]:
    names = METRICS if one.protocol != NO_REFERENCE else list(all_metrics())
    places = [_Place(one, name, board) for name in names]
    return [place for place in places if any(place.number(n) is not None for n in board.lines)]


def _lines(content: Content, groups: Groups, *, rebuilt: bool) -> list[BoardLine]:
    """The lines of a table: references, then class by class, by the first column, best first."""
    places = [place for _, part in groups for place in part]
    scored = [place for place in places if place.convention is not None]
    lines: dict[LineKey, BoardLine] = {}
    for place in scored:
        for line in place.board.lines:
            apart = line.first.system in content.reconstructions
            if place.row(line) is not None and (line.reference or apart is rebuilt):
                lines.setdefault(line.key, line)

    def first(line: BoardLine) -> float:
        numbers = (
            -value if _head(place, ()).better == "lower" else value
            for place in scored
            if (value := place.number(line)) is not None
        )
        return next(numbers, -math.inf)

    best_first = sorted(lines.values(), key=lambda line: (-first(line), line.name))
    return in_order(classes_of(best_first))


def _table(
    content: Content, caption: str, label: str, groups: Groups, lines: Sequence[BoardLine]
) -> PaperTable:
    places = [place for _, part in groups for place in part]
    columns = [_column(content, place, lines) for place in places]
    classes = classes_of(lines)
    parts = list(itertools.accumulate(len(one.lines) for one in classes))[:-1]
    rows = [(_name(line), tuple(column[n] for column in columns)) for n, line in enumerate(lines)]
    return PaperTable(
        caption,
        label,
        tuple(
            ColumnGroup(name, tuple(_head(place, lines) for place in part)) for name, part in groups
        ),
        tuple(rows),
        tuple(parts),
        _note(content, places, lines, columns, _scored_under(content, places, lines)),
        tuple(_images(places, line) for line in lines),
    )


def _name(line: BoardLine) -> str:
    """The line's name and marks, as in the report."""
    return f"{line.name} ({', '.join(line.marks)})" if line.marks else line.name


def _images(places: Sequence[_Place], line: BoardLine) -> int:
    rows = (place.row(line) for place in places if _leads(place))
    return most_images(row for row in rows if row is not None)


def _note(
    content: Content,
    places: Sequence[_Place],
    lines: Sequence[BoardLine],
    columns: Sequence[Sequence[Measured | None]],
    every: Mapping[str, Sequence[str]],
) -> str:
    """What is beside numbers, what was left out, and what may not be compared."""
    cells = [cell for column in columns for cell in column if cell is not None]
    said = ["Brackets: 95 % intervals over scenes"] if any(c.interval for c in cells) else []
    if any(cell.spread is not None for cell in cells):
        said.append("±: standard deviation over trainings")
    for place in places:
        if _leads(place):
            said += left_out_notes(place.rows())
            said += _seen_notes(content, place.board)
    said += protocol_notes(every)
    rows = ((name, row) for place in places for name, row in place.rows().items())
    shown = {line.name for line in lines}
    said += empty_notes((name, row) for name, row in rows if row.protocol and name in shown)
    tracks = (
        track_of(content, line, place.convention)[0]
        for line in lines
        for place in places
        if place.convention
    )
    if any(line.at_scales for line in lines):
        said.append(SCALES_NOTE)
    said.append(notice_on((line.first.budget for line in lines), filter(None, tracks)))
    sentences = [capital(text) for text in dict.fromkeys(filter(None, said))]
    return "".join(f"{text}. " for text in sentences).strip()


def _seen_notes(content: Content, board: Board) -> list[str]:
    """Notes on test pictures that are in training too; the sentence's end is added later."""
    notes = seen_notes(content.out, board.key.dataset, board.key.data_revision)
    return [note.removesuffix(".") for note in notes]


def _scored_under(
    content: Content, places: Sequence[_Place], lines: Sequence[BoardLine]
) -> dict[str, list[str]]:
    """The conventions of the lines of the same pictures, with those that a table is without."""
    rebuilt = any(line.first.system in content.reconstructions for line in lines)
    conventions: dict[str, list[str]] = {}
    for board in {place.board.key: place.board for place in places}.values():
        every = board.scored_under()
        for line in board.lines:
            apart = line.first.system in content.reconstructions
            if line.reference or apart is rebuilt:
                conventions.setdefault(line.name, []).extend(every[line.name])
    return conventions


def _leads(place: _Place) -> bool:
    """Whether lines are counted by this column."""
    convention = place.convention
    return convention is not None and place.key == place.board.leading(convention).name


def _head(place: _Place, lines: Sequence[BoardLine]) -> Column:
    if place.convention is None:
        cost = column(place.key, numbers=map(place.number, lines))
        return replace(cost, name=f"{cost.name} ({cost.unit})", unit="", better="lower")
    return column(place.key, bar=place.key == GAIN)


def _column(content: Content, place: _Place, lines: Sequence[BoardLine]) -> list[Measured | None]:
    """The numbers of one column, with the best two of each track marked if it is ranked."""
    head = _head(place, lines)
    cells = [_cell(place, line) for line in lines]
    tracks: dict[TrackKey, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        ranked = place.convention and track_of(content, line, place.convention)[1] is not None
        if ranked and cells[number] is not None:
            tracks[line.track].append(number)
    for members in tracks.values():
        printed = {n: _printed(cells[n], head) for n in members}
        steps = sorted(set(printed.values()), reverse=head.better == "higher")[:2]
        for number, value in printed.items():
            cell = cells[number]
            if cell is not None and value in steps:
                mark: Literal[1, 2] = 1 if value == steps[0] else 2
                cells[number] = replace(cell, place=mark)
    return cells


def _cell(place: _Place, line: BoardLine) -> Measured | None:
    """A number with the spread of its trainings; of one training, with its interval."""
    cell = place.cell(line)
    return cell if cell is None or cell.spread is None else replace(cell, interval=None)


def _printed(cell: Measured | None, column: Column) -> float:
    """A number as printed; systems with equal printed numbers share a mark."""
    value = cell.value if cell else None
    return float(number_text(value, column.decimals).replace("−", "-"))
