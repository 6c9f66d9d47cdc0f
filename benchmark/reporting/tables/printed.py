"""Tables of a leaderboard for print alone: what the page has behind its tabs and rows."""

from defocus.benchmark.reporting.board.lines import Board
from defocus.benchmark.reporting.board.notes import Notes, notes_on
from defocus.benchmark.reporting.board.table import tracks_of
from defocus.benchmark.reporting.content import Content
from defocus.benchmark.reporting.tables.details import parts_told, place_words
from defocus.reports.model import Cell, Column, Link, Measured, Table

__all__ = ["part_table", "protocol_table"]


def protocol_table(content: Content, board: Board, notes: Notes) -> Table:
    """PSNR of every line under every convention, in the order of the first."""
    first, *_ = board.conventions
    lines = board.ordered(first)
    columns = [Column(board.convention_name(one), "dB", "higher", 2) for one in board.conventions]
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
    return Table(
        f"{board.name}: PSNR by what it is compared with",
        (Column("System"), *columns),
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
    for line in lines:
        rows = [line.score(first, name) for name in names]
        body.append((line.name, *(row.value if row is not None else None for row in rows)))
    columns = (Column("System"), *(Column(place_words(n), "dB", "higher", 2) for n in names))
    caption = f"{board.name}: PSNR by part of the picture, under {first.protocol}"
    note = "Blur: the diameter of the circle of confusion."
    return [Table(caption, columns, tuple(body), note)]
