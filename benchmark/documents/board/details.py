"""What is behind a row of a leaderboard: all its scores, by blur, region and scene.

For print, the tables of all rows that the page has behind its tabs and rows.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

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
from defocus.reports.display import shown_difference
from defocus.reports.model import Cell, Column, Measured, Part, Table


def detail_parts(
    content: Content, board: Board, line: BoardLine, scores: PictureScores, notes: Notes
) -> list[Part]:
    """Tables of a line's scores under every convention, of parts of the pictures, and by scene."""
    parts = [_all_scores(content, board, line, notes)]
    parts += _by_part(board, line)
    parts += _by_scene(scores, line)
    return [part for part in parts if part.rows]


def scored_parts(lines: Sequence[BoardLine], convention: Convention) -> list[str]:
    """Scores over parts of the pictures, in the order shown; in focus is the smallest blur."""
    rows = ((name, line.row(convention, name)) for line in lines for name in BREAKDOWN)
    names = {name for name, row in rows if row is not None and row.value is not None}
    return [name for name in BREAKDOWN if name in names and name != "psnr_in_focus"]


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
    mine = [one for one in board.conventions if any(of == one for of, _ in line.rows)]
    metrics = {
        metric.name: metric for one in mine for metric in metrics_of([line], one)
    }
    body: list[tuple[Cell, ...]] = []
    for name, metric in metrics.items():
        unit = f", {metric.unit}" if metric.unit else ""
        cells = [
            _with_published(content, line, BoardPlace(one, name), notes) for one in mine
        ]
        body.append((f"{metric.display_name}{unit}", *cells))
    leading = {one: line.row(one, board.leading(one).name) for one in mine}
    most = most_images(row for row in leading.values() if row is not None)
    heads = [
        counted_head(board.convention_name(one), [leading[one]], most) for one in mine
    ]
    columns = [Column(head, decimals=4) for head in heads]
    said = f"{line.name}: all scores; in small print: 95 % intervals"
    return Table.of(said, ("Metric", *columns), body, large=True)


def _with_published(
    content: Content, line: BoardLine, place: BoardPlace, notes: Notes
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
    references = [
        one for one in board.lines if one.reference and one.first.system == "input"
    ]
    whole = line.row(convention, LEADING)
    images = whole.images if whole is not None else 0
    body: list[tuple[Cell, ...]] = []
    for name in scored_parts([line], convention):
        row = line.rows[convention, name]
        under = references[0].row(convention, name) if references else None
        before = under.value if under is not None else None
        gained = None
        if before is not None and row.value is not None:
            gained = shown_difference(row.value, before, column("psnr").decimals)
        body.append(
            (counted_head(place_words(name), [row], images), before, row.value, gained)
        )
    columns = (
        "Part",
        Column("Input", "dB", None, 2),
        column("psnr"),
        column("gain", bar=True),
    )
    said = "Blur: the diameter of the circle of confusion."
    caption = f"{line.name}: by part of the picture, under {convention.protocol}"
    return [Table.of(caption, columns, body, said, large=True)] if body else []


def _by_scene(scores: PictureScores, line: BoardLine) -> list[Table]:
    """PSNR and gain of every scene."""
    number = scores.line_number(line.key)
    if number is None:
        return []
    values: dict[str, list[float]] = defaultdict(list)
    gained: dict[str, list[float]] = defaultdict(list)
    for pair, by_line in scores.values.items():
        value = by_line.get(number, {}).get(LEADING)
        if value is not None:
            values[scores.scenes[pair]].append(value)
        gain = gain_on(scores, pair, number)
        if gain is not None and number != scores.input_line:
            gained[scores.scenes[pair]].append(gain)
    if len(values) < 2:
        return []
    rows = tuple(
        (scene, float(len(psnrs)), _mean(psnrs), _mean(gained[scene]))
        for scene, psnrs in sorted(values.items())
    )
    columns = ("Scene", Column("Pictures", decimals=0), column("psnr"), column("gain"))
    caption = f"{line.name}: by scene, under {scores.convention.protocol}"
    return [Table.of(caption, columns, rows, large=True)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def protocol_table(content: Content, board: Board, notes: Notes) -> Table:
    """PSNR of every line under every convention, in the order of the first that it has."""
    lines = list(
        dict.fromkeys(line for one in board.conventions for line in board.ordered(one))
    )
    places = [BoardPlace(one, LEADING) for one in board.conventions]
    counts = {pictures_of(place, lines) for place in places}
    usual = counts.pop() if len(counts) == 1 else 0
    scored = [row for line in lines if (row := places[0].row(line)) is not None]
    over = f", means over {over_pictures(scored)}" if usual else ""
    columns = [
        place.numbers(lines, usual, board.convention_name(one))
        for one, place in zip(board.conventions, places, strict=True)
    ]
    said = [
        text
        for one in board.conventions[1:]
        for text in notes_on(
            board, one, tracks_of(content, board, one), own_lines=notes.own_lines
        )
    ]
    caption = f"{board.name}: PSNR by what it is compared with{over}"
    return systems_table(
        caption, map(linked, lines), columns, notes=notes.numbers(said)
    )


def part_table(board: Board) -> list[Table]:
    """PSNR by amount of blur and by region, a row per line; empty without such scores."""
    first, *_ = board.conventions
    lines = board.ordered(first)
    names = scored_parts(lines, first)
    most = pictures_of(BoardPlace(first, LEADING), lines)
    columns = [
        BoardPlace(first, name).numbers(lines, most, place_words(name))
        for name in names
    ]
    caption = f"{board.name}: PSNR by part of the picture, under {first.protocol}"
    note = "Blur: the diameter of the circle of confusion."
    return [systems_table(caption, map(linked, lines), columns, note)] if names else []
