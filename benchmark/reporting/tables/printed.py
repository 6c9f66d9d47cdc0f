"""Tables of a leaderboard for print alone: what the page has behind its tabs and rows."""

from defocus.benchmark.leaderboard.classes import counted_head, most_images, over_pictures
from defocus.benchmark.leaderboard.columns import column
from defocus.benchmark.reporting.board.lines import Board
from defocus.benchmark.reporting.board.notes import Notes, notes_on
from defocus.benchmark.reporting.board.table import tracks_of
from defocus.benchmark.reporting.content import Content
from defocus.benchmark.reporting.tables.details import parts_told, place_words
from defocus.reports.model import Cell, Column, Link, Measured, Table

__all__ = ["part_table", "protocol_table"]


def protocol_table(content: Content, board: Board, notes: Notes) -> Table:
    """PSNR of every line under every convention, in the order of the first that it has."""
    lines = list(dict.fromkeys(line for one in board.conventions for line in board.ordered(one)))
    of_column = {one: [line.score(one, "psnr") for line in lines] for one in board.conventions}
    scored = {one: [row for row in rows if row is not None] for one, rows in of_column.items()}
    counts = {most_images(rows) for rows in scored.values()}
    usual = counts.pop() if len(counts) == 1 else 0
    over = f", means over {over_pictures(scored[board.conventions[0]])}" if usual else ""
    columns = [
        Column(counted_head(board.convention_name(one), rows, usual), "dB", "higher", 2)
        for one, rows in of_column.items()
    ]
    body: list[tuple[Cell, ...]] = []
    for line in lines:
        rows = [line.score(one, "psnr") for one in board.conventions]
        cells = [Measured(row.value) if row is not None else None for row in rows]
        body.append((Link(line.name, f"#{line.place}", line.marks), *cells))
    said = [
        text
        for one in board.conventions[1:]
        for text in notes_on(board, one, tracks_of(content, board, one), own_lines=notes.own_lines)
    ]
    return Table.of(
        f"{board.name}: PSNR by what it is compared with{over}",
        ("System", *columns),
        tuple(body),
        notes=notes.numbers(said),
    )


def part_table(board: Board) -> list[Table]:
    """PSNR by amount of blur and by region, a row per line; empty without such scores."""
    first, *_ = board.conventions
    lines = board.ordered(first)
    names = parts_told(lines, first)
    if not names:
        return []
    body: list[tuple[Cell, ...]] = []
    found = {name: [line.score(first, name) for line in lines] for name in names}
    for number, line in enumerate(lines):
        rows = [of_part[number] for of_part in found.values()]
        name = Link(line.name, f"#{line.place}", line.marks)
        body.append((name, *(row.value if row is not None else None for row in rows)))
    whole = (line.score(first, "psnr") for line in lines)
    most = most_images(row for row in whole if row is not None)
    heads = [counted_head(place_words(name), rows, most) for name, rows in found.items()]
    columns: tuple[Column | str, ...] = ("System", *(column("psnr", head) for head in heads))
    caption = f"{board.name}: PSNR by part of the picture, under {first.protocol}"
    note = "Blur: the diameter of the circle of confusion."
    return [Table.of(caption, columns, body, note)]
