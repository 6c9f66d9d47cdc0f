"""The leaderboards."""

from collections.abc import Sequence

from defocus.benchmark.reporting.board.table import board_table
from defocus.benchmark.reporting.figures.picture_pages import (
    typical_figure,
    typical_pictures,
)
from defocus.benchmark.reporting.figures.picture_scores import PictureScores
from defocus.benchmark.reporting.tables.printed import part_table, protocol_table
from defocus.benchmark.section.study import Report
from defocus.reports.model import Beside, Part, Tabs

__all__ = ["board", "printed_board", "tabbed"]


def tabbed(label: str, named: Sequence[tuple[str, Part]]) -> tuple[Part, ...]:
    """Named parts as tabs."""
    return (Tabs(label, tuple((name, (part,)) for name, part in named)),) if named else ()


def board(report: Report, scores: PictureScores) -> tuple[Part, ...]:
    """A leaderboard for browsers."""
    board = scores.board
    tables = [
        (board.convention_name(one), board_table(report.content, board, one, report.notes))
        for one in board.conventions
    ]
    aside = typical_figure(scores, report.kept)
    tabs = tabbed("Compared with", tables)
    return (Beside(tuple(aside), tabs),) if aside else tabs


def printed_board(report: Report, scores: PictureScores) -> tuple[Part, ...]:
    """A leaderboard for print."""
    board = scores.board
    first, *others = board.conventions
    figures = [
        part
        for _, pair, caption in typical_pictures(scores, report.kept)[:1]
        for part in report.kept.read(scores, pair).slider(caption, most=1)
    ]
    table = board_table(report.content, board, first, report.notes, print_out=True)
    rest = [protocol_table(report.content, board, report.notes)] if others else []
    return (*figures, table, *rest, *part_table(board))
