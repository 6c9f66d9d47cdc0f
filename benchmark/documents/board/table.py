"""The one table of a leaderboard under a convention."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from itertools import chain
from string import ascii_lowercase
from typing import Literal

from defocus.benchmark.documents.board.notes import (
    Notes,
    column_notes,
    dataset_notes,
    mark_notes,
    notes_on,
    published_beside,
)
from defocus.benchmark.leaderboard.classes import budget_words, over_pictures
from defocus.benchmark.leaderboard.columns import (
    COST_COLUMNS,
    GAIN,
    BoardPlace,
    Named,
    column,
    pictures_of,
    systems_table,
)
from defocus.benchmark.leaderboard.content import Content, TrackKey, training_words
from defocus.benchmark.leaderboard.groups import (
    LineClass,
    classes_of,
    headings,
    in_order,
    part_gains,
    rank_words,
)
from defocus.benchmark.leaderboard.lines import (
    WEIGHT_MARKS,
    Board,
    BoardLine,
    Convention,
    track_of,
)
from defocus.benchmark.metrics.metric import NO_REFERENCE, Metric, all_metrics
from defocus.benchmark.statistics.comparable import Track
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.reports.display import anchor
from defocus.reports.model import Cell, Column, Link, Measured, Table

LEADING = "psnr"
"""The metric that is shown next to the gain, whichever columns are chosen."""

Standings = Sequence[tuple[Track | None, int | None]]
"""Track and rank of each line."""

Marks = dict[int, Literal[1, 2]]
"""1 for the best and 2 for the second best, by the number of a line."""

CLASS_MARKS = {*WEIGHT_MARKS.values(), "reconstruction", "true map"}
"""Marks that are the heading of a class."""

PROTOCOL_WORDS = {
    "gt": "the sharp picture as captured",
    "input-aligned": "the sharp picture registered once onto the blurry input",
    "deformed-gt": "the sharp picture warped onto each output, so that the reference depends on it",
    "truth": "the true, aligned sharp picture of rendered data",
    NO_REFERENCE: "nothing, as there are no sharp pictures",
}


def board_table(
    content: Content,
    board: Board,
    convention: Convention,
    notes: Notes,
    *,
    print_out: bool = False,
) -> Table:
    """The table of a leaderboard under a convention, best first, references among the rows."""
    # Columns without any value are left out; print has the printed numbers of papers too.
    classes = classes_on(content, board, convention)
    lines = in_order(classes)
    tracks = tracks_of(content, board, convention)
    said = notes_on(board, convention, tracks, own_lines=notes.own_lines)
    numbers = notes.numbers([*said, *dataset_notes(content, board)])
    of_columns = column_notes(board, convention, tracks, own_lines=notes.own_lines)
    columns = _columns(content, board, convention, lines, notes, print_out=print_out)
    place = (*astuple(board.key), *astuple(convention))
    return systems_table(
        _caption(board, convention, lines, print_out=print_out),
        [_below_heading(line, notes) for line in lines],
        _noted(columns, of_columns, notes),
        notes=numbers,
        anchors=tuple(anchor("row", *place, *line.key) for line in lines),
        references=tuple(n for n, line in enumerate(lines) if line.reference),
        headings=headings(classes),
    )


def _noted(
    columns: Iterable[Named],
    texts: Mapping[str, Sequence[str]],
    notes: Notes,
) -> Iterator[Named]:
    """The columns with the numbers of their notes."""
    for head, cells in columns:
        yield replace(head, notes=notes.numbers(texts.get(head.name, ()))), cells


def _columns(
    content: Content,
    board: Board,
    convention: Convention,
    lines: Sequence[BoardLine],
    notes: Notes,
    *,
    print_out: bool,
) -> list[Named]:
    standing = [track_of(content, line, convention) for line in lines]
    columns = [
        _ranks(standing, print_out=print_out),
        _gains(lines, convention),
        *part_gains(lines, convention),
    ]
    places = _places(lines, convention, standing)
    most = pictures_of(BoardPlace(convention, board.leading(convention).name), lines)
    for metric in metrics_of(lines, convention):
        place = BoardPlace(convention, metric.name)
        columns.append(_metric_column(place, lines, most, places[metric.name]))
        rows = map(place.row, lines)
        printed = [published_beside(content, row, notes.number) for row in rows]
        if print_out and metric.name == "psnr":
            columns.append((column("psnr", "published", better=None), printed))
    columns += _cost_columns(lines)
    if not print_out:
        columns += _word_columns(content, lines, convention)
    return columns


def classes_on(
    content: Content,
    board: Board,
    convention: Convention,
) -> list[LineClass]:
    """The classes of a leaderboard under a convention."""
    return classes_of(
        board.ordered(convention), lambda line: track_of(content, line, convention)[0]
    )


def metrics_of(lines: Sequence[BoardLine], convention: Convention) -> list[Metric]:
    """The metrics with a value on some line."""
    names = set()
    for line in lines:
        for (of, name), row in line.rows.items():
            if of == convention and row.value is not None:
                names.add(name)
    return [metric for name, metric in all_metrics().items() if name in names]


def tracks_of(content: Content, board: Board, convention: Convention) -> list[Track]:
    """The tracks of a leaderboard's lines, each once, the one with most systems first."""
    by_key: dict[TrackKey, Track] = {}
    for line in board.ordered(convention):
        track, _ = track_of(content, line, convention)
        if track is not None:
            by_key[line.track] = track
    return sorted(by_key.values(), key=lambda track: -len(track.standings))


def _caption(
    board: Board,
    convention: Convention,
    lines: Sequence[BoardLine],
    *,
    print_out: bool,
) -> str:
    scores = list(chain.from_iterable(line.rows_under(convention) for line in lines))
    leading = [row for row in scores if row.metric == board.leading(convention).name]
    over = over_pictures(leading, f"{board.key.split} picture")
    against = PROTOCOL_WORDS.get(convention.protocol, convention.protocol)
    has_intervals = any(row.gain_low is not None for row in scores)
    drawn = "in small print" if print_out else "whiskers"
    intervals = f"; {drawn}: 95 % intervals" if has_intervals else ""
    perfect = board.perfect.get(convention)
    most = f"; a perfect restoration would have {perfect:.2f} dB" if perfect else ""
    return f"{board.name}: means over {over}, against {against}{most}{intervals}"


def linked(line: BoardLine) -> Link:
    """The name of a line with its marks; it leads to what is behind it."""
    return Link(line.name, f"#{line.place}", line.marks)


def _below_heading(line: BoardLine, notes: Notes) -> Link:
    """The name of a line with the marks that the heading of its class does not say."""
    marks = tuple(mark for mark in line.marks if mark not in CLASS_MARKS)
    numbers = notes.numbers(mark_notes(line))
    return Link(line.name, f"#{line.place}", marks, numbers)


def _ranks(standing: Standings, *, print_out: bool) -> Named:
    """Ranks within a class, with their range over resamples."""
    cells: list[Cell] = []
    for track, rank in standing:
        words = _range_words(track, rank)
        if rank is None or words is None or print_out:
            cells.append(words)  # paper has it in one line, and sorts nothing
        else:
            cells.append(Measured(rank, beside=words.removeprefix(f"{rank}")))
    return Column("Rank", better="lower", decimals=0), cells


def _range_words(track: Track | None, rank: int | None) -> str | None:
    """A rank of a track with its range, in words; None without a rank."""
    if track is None or rank is None:
        return None
    for standing in track.standings:
        if standing.rank == rank:
            return rank_words(standing)
    return None


def _gains(lines: Sequence[BoardLine], convention: Convention) -> Named:
    """Gains over the blurry input, which has none over itself."""
    psnr = BoardPlace(convention, "psnr")
    gain = BoardPlace(convention, GAIN)
    cells: list[Cell] = []
    for line in lines:
        cell = gain.cell(line)
        is_input = line.first.system == INPUT
        if is_input and psnr.number(line) is not None:
            cell = Measured(0.0)
        cells.append(cell)
    return column(GAIN, bar=True), cells


def _metric_column(
    place: BoardPlace,
    lines: Sequence[BoardLine],
    usual: int,
    marks: Marks,
) -> Named:
    """A metric with the marks of the best two of each track."""
    blind = place.convention is not None and place.convention.protocol == NO_REFERENCE
    always = place.key == LEADING or blind
    head, numbers = place.numbers(lines, usual, among="" if always else "Scores")
    cells: list[Cell] = []
    for at, number in enumerate(numbers):
        cells.append(None if number is None else Measured(number, place=marks.get(at)))
    return head, cells


def _cost_columns(lines: Sequence[BoardLine]) -> list[Named]:
    return [
        BoardPlace(None, name).numbers(
            lines,
            0,
            better="lower",
            choose="limit",
            among="Cost",
        )
        for name in COST_COLUMNS
    ]


def _word_columns(
    content: Content,
    lines: Sequence[BoardLine],
    convention: Convention,
) -> list[Named]:
    """Columns by whose words rows are chosen; they are shown on demand."""
    columns: list[Named] = [
        (Column("Alike", extra=True), _letters(content, lines, convention))
    ]
    words = [_words(content, line) for line in lines]
    for name in ("Kind", "Given", "Weights", "Budget", "Marks"):
        cells = [of_line.get(name) for of_line in words]
        columns.append((Column(name, choose="value", extra=True), cells))
    return columns


def _words(content: Content, line: BoardLine) -> dict[str, Cell]:
    """The words by which a line is chosen; a reference is nobody's training."""
    words: dict[str, Cell] = {"Kind": _kind(content, line)}
    if line.marks:
        words["Marks"] = ", ".join(line.marks)
    if not line.reference:
        words["Given"] = line.track.given
        first = line.first
        words["Weights"] = training_words(first.weights, first.train_dataset)
        words["Budget"] = budget_words([first.budget])
    return words


def _kind(content: Content, line: BoardLine) -> str:
    card = content.cards.get(line.first.system)
    if card:
        return card.kind
    return "reference" if line.reference else "system"


def _letters(
    content: Content,
    lines: Sequence[BoardLine],
    convention: Convention,
) -> list[Cell]:
    """Letters that systems share which do not differ significantly; each track has its own."""
    numbering: dict[tuple[object, ...], int] = {}
    cells: list[Cell] = []
    for line in lines:
        letters = ""
        track, _ = track_of(content, line, convention)
        label = _label(track, line) if track else ""
        for names in track.alike if track else ():
            if label not in names:
                continue
            number = numbering.setdefault((line.track, names), len(numbering))
            # a to z, a1 …
            letters += f"{ascii_lowercase[number % 26]}{number // 26 or ''}"
        cells.append(letters or None)
    return cells


def _label(track: Track, line: BoardLine) -> str:
    mine = line.first
    standing = track.standing(mine.system, mine.weights, mine.train_dataset)
    return standing.label if standing else ""


def _places(
    lines: Sequence[BoardLine],
    convention: Convention,
    standing: Standings,
) -> dict[str, Marks]:
    """The best and the second best of each track's ranked lines, by metric and line."""
    tracks: dict[TrackKey, list[int]] = defaultdict(list)
    for number, (line, (_, rank)) in enumerate(zip(lines, standing, strict=True)):
        if rank is not None:
            tracks[line.track].append(number)
    places: dict[str, Marks] = defaultdict(dict)
    for metric in metrics_of(lines, convention):
        if metric.against == "input":  # a displacement ranks nobody
            continue
        place = BoardPlace(convention, metric.name)
        for members in tracks.values():
            scored = {}
            for number in members:
                value = place.number(lines[number])
                if value is not None:
                    scored[number] = value
            if len(scored) > 1:
                places[metric.name] |= _best_two(scored, metric)
    return places


def _best_two(values: Mapping[int, float], metric: Metric) -> Marks:
    """1 for the lines with the best value, 2 for those with the second best."""
    steps = sorted(set(values.values()), reverse=metric.better == "higher")
    marks: Marks = {}
    for number, value in values.items():
        if value in steps[:2]:
            marks[number] = 1 if value == steps[0] else 2
    return marks
