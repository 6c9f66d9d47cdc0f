"""Details of a row of a leaderboard: all its scores, by blur, region and scene.

For print, the tables of all rows that the page has behind its tabs and rows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from defocus.benchmark.documents.board.notes import Notes, notes_on, published_beside
from defocus.benchmark.documents.board.table import linked, metrics_of, tracks_of
from defocus.benchmark.documents.figures.picture_scores import (
    LEADING,
    PictureScores,
    gain_on,
)
from defocus.benchmark.evaluation.columns import BREAKDOWN
from defocus.benchmark.leaderboard.classes import (
    counted_head,
    most_images,
    over_pictures,
)
from defocus.benchmark.leaderboard.columns import (
    BoardPlace,
    column,
    pictures_of,
    systems_table,
)
from defocus.benchmark.leaderboard.content import Content
from defocus.benchmark.leaderboard.lines import Board, BoardLine, Convention
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.reports.display import shown_difference
from defocus.reports.model import Cell, Column, Measured, Part, Table

BLUR = "Blur: the diameter of the circle of confusion."
"""The note of tables by part of the picture."""


def detail_parts(
    content: Content,
    board: Board,
    line: BoardLine,
    scores: PictureScores,
    notes: Notes,
) -> list[Part]:
    """Tables of a line's scores under every convention, of parts of the pictures, and by scene."""
    parts = [_all_scores(content, board, line, notes)]
    parts += _by_part(board, line)
    parts += _by_scene(scores, line)
    return [part for part in parts if part.rows]


def scored_parts(lines: Sequence[BoardLine], convention: Convention) -> list[str]:
    """Scores over parts of the pictures, in the order shown; in focus is the smallest blur."""
    parts = []
    for name in BREAKDOWN:
        place = BoardPlace(convention, name)
        scored = any(place.number(line) is not None for line in lines)
        if scored and name != "psnr_in_focus":
            parts.append(name)
    return parts


def place_words(metric: str) -> str:
    """``psnr_coc_2_4`` as ``Blur 2 to 4 px``, ``psnr_coc_0_2`` as ``In focus (blur 0 to 2 px)``."""
    name = metric.removeprefix("psnr_")
    if name.startswith("coc_"):
        low, _, high = name.removeprefix("coc_").partition("_")
        if low == "0":
            return f"In focus (blur 0 to {high} px)"
        return f"Blur {low} px and more" if high == "up" else f"Blur {low} to {high} px"
    return name.replace("_", " ").capitalize()


def _all_scores(content: Content, board: Board, line: BoardLine, notes: Notes) -> Table:
    """Every metric under every convention, with intervals and published numbers."""
    conventions = list(filter(line.rows_under, board.conventions))
    metrics: dict[str, Metric] = {}
    for convention in conventions:
        for metric in metrics_of([line], convention):
            metrics[metric.name] = metric
    body: list[list[Cell]] = []
    for metric in metrics.values():
        unit = f", {metric.unit}" if metric.unit else ""
        cells: list[Cell] = [f"{metric.display_name}{unit}"]
        for convention in conventions:
            place = BoardPlace(convention, metric.name)
            cells.append(_with_published(content, line, place, notes))
        body.append(cells)
    caption = f"{line.name}: all scores; in small print: 95 % intervals"
    columns = _convention_columns(board, line, conventions)
    return Table.of(caption, ("Metric", *columns), body, large=True)


def _convention_columns(
    board: Board,
    line: BoardLine,
    conventions: Sequence[Convention],
) -> list[Column]:
    """A column for each convention; it says its number of pictures if that is not the usual one."""
    leading = [line.row(one, board.leading(one).name) for one in conventions]
    most = most_images(filter(None, leading))
    columns = []
    for one, row in zip(conventions, leading, strict=True):
        name = counted_head(board.convention_name(one), [row], most)
        columns.append(Column(name, decimals=4))
    return columns


def _with_published(
    content: Content,
    line: BoardLine,
    place: BoardPlace,
    notes: Notes,
) -> Measured | None:
    measured = place.cell(line)
    printed = published_beside(content, place.row(line), notes.number)
    if measured is None or printed is None:
        return measured
    published = f"published {printed.value:.{column(place.key).decimals}f}"
    text = ", ".join(filter(None, (published, printed.beside)))
    return replace(measured, beside=text, notes=printed.notes)


def _by_part(board: Board, line: BoardLine) -> list[Table]:
    """PSNR by amount of blur and by region, beside the input's."""
    convention = board.conventions[0]
    whole = line.row(convention, LEADING)
    images = 0 if whole is None else whole.images
    body: list[tuple[Cell, ...]] = []
    for name in scored_parts([line], convention):
        row = line.rows[convention, name]
        part = counted_head(place_words(name), [row], images)
        before = _of_input(board, BoardPlace(convention, name))
        gained = None
        if before is not None and row.value is not None:
            gained = shown_difference(row.value, before, column("psnr").decimals)
        body.append((part, before, row.value, gained))
    if not body:
        return []
    columns = (
        "Part",
        Column("Input", "dB", None, 2),
        column("psnr"),
        column("gain", bar=True),
    )
    caption = f"{line.name}: by part of the picture, under {convention.protocol}"
    return [Table.of(caption, columns, body, BLUR, large=True)]


def _of_input(board: Board, place: BoardPlace) -> float | None:
    for line in board.lines:
        if line.reference and line.first.system == INPUT:
            return place.number(line)
    return None


def _by_scene(scores: PictureScores, line: BoardLine) -> list[Table]:
    """PSNR and gain of every scene."""
    number = scores.line_number(line.key)
    scenes = _pairs_by_scene(scores, number)
    if number is None or len(scenes) < 2:
        return []
    rows = []
    for scene, pairs in sorted(scenes.items()):
        psnr = _mean(scores.psnr(pair, number) for pair in pairs)
        gain = None
        if number != scores.input_line:
            gain = _mean(gain_on(scores, pair, number) for pair in pairs)
        rows.append((scene, float(len(pairs)), psnr, gain))
    columns = (
        "Scene",
        Column("Pictures", decimals=0),
        column("psnr"),
        column("gain"),
    )
    caption = f"{line.name}: by scene, under {scores.convention.protocol}"
    return [Table.of(caption, columns, rows, large=True)]


def _pairs_by_scene(scores: PictureScores, number: int | None) -> dict[str, list[str]]:
    """The pairs that a line has scores of."""
    scenes: dict[str, list[str]] = defaultdict(list)
    for pair, scene in scores.scenes.items():
        if scores.psnr(pair, number) is not None:
            scenes[scene].append(pair)
    return scenes


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of the existing values."""
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None


def protocol_table(content: Content, board: Board, notes: Notes) -> Table:
    """PSNR of every line under every convention, in the order of the first that it has."""
    ordered = chain.from_iterable(map(board.ordered, board.conventions))
    lines = list(dict.fromkeys(ordered))
    places = [BoardPlace(one, LEADING) for one in board.conventions]
    counts = {pictures_of(place, lines) for place in places}
    usual = counts.pop() if len(counts) == 1 else 0
    caption = f"{board.name}: PSNR by what it is compared with"
    if usual:
        scored = list(filter(None, map(places[0].row, lines)))
        caption += f", means over {over_pictures(scored)}"
    columns = []
    for one, place in zip(board.conventions, places, strict=True):
        name = board.convention_name(one)
        columns.append(place.numbers(lines, usual, name))
    on_others = _on_others(content, board, own_lines=notes.own_lines)
    numbers = notes.numbers(on_others)
    return systems_table(caption, map(linked, lines), columns, notes=numbers)


def _on_others(content: Content, board: Board, *, own_lines: bool) -> list[str]:
    """Notes on all conventions but the first."""
    said = []
    for one in board.conventions[1:]:
        tracks = tracks_of(content, board, one)
        said += notes_on(board, one, tracks, own_lines=own_lines)
    return said


def part_table(board: Board) -> list[Table]:
    """PSNR by amount of blur and by region, a row per line; empty without such scores."""
    first, *_ = board.conventions
    lines = board.ordered(first)
    most = pictures_of(BoardPlace(first, LEADING), lines)
    columns = []
    for name in scored_parts(lines, first):
        place = BoardPlace(first, name)
        columns.append(place.numbers(lines, most, place_words(name)))
    caption = f"{board.name}: PSNR by part of the picture, under {first.protocol}"
    if not columns:
        return []
    return [systems_table(caption, map(linked, lines), columns, BLUR)]
