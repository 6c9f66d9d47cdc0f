"""The leaderboards, each beside a picture: the first one early, further ones below.

Systems without any score have their own table, with the reasons.
"""

from collections.abc import Mapping, Sequence

from defocus.benchmark.documents.board.details import part_table, protocol_table
from defocus.benchmark.documents.board.table import board_table
from defocus.benchmark.documents.figures.picture_pages import (
    typical_figure,
    typical_pictures,
)
from defocus.benchmark.documents.figures.picture_scores import PictureScores
from defocus.benchmark.documents.section import Section, tabbed
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.benchmark.leaderboard.classes import budget_words
from defocus.benchmark.leaderboard.content import Content, display_name, group_anchor
from defocus.reports.model import Beside, Link, Part, Table

ASIDE = "Leaderboards"


def _boards(
    study: ReportStudy,
    among: Sequence[PictureScores],
) -> Mapping[str, Sequence[Part]]:
    board = _printed_board if study.printed else _board
    return study.by_dataset("Leaderboard", lambda one: board(study, one), among)


def _board(study: ReportStudy, scores: PictureScores) -> tuple[Part, ...]:
    board = scores.board
    tables = []
    for convention in board.conventions:
        table = board_table(study.content, board, convention, study.notes)
        tables.append((board.convention_name(convention), table))
    aside = typical_figure(scores, study.kept)
    tabs = tabbed("Compared with", tables)
    return (Beside(tuple(aside), tabs),) if aside else tabs


def _printed_board(study: ReportStudy, scores: PictureScores) -> tuple[Part, ...]:
    content, notes = study.content, study.notes
    board = scores.board
    first, *others = board.conventions
    parts: list[Part] = []
    for _, pair, caption in typical_pictures(scores, study.kept)[:1]:
        parts += study.kept.read(scores, pair).slider(caption, most=1)
    parts.append(board_table(content, board, first, notes, print_out=True))
    if others:
        parts.append(protocol_table(content, board, notes))
    parts += part_table(board)
    return tuple(parts)


LEADERBOARD = Section(
    "Leaderboard", 10, (), lambda study: _boards(study, study.pictures[:1]), aside=ASIDE
)
FURTHER = Section(
    "Further leaderboards",
    30,
    (),
    lambda study: _boards(study, study.pictures[1:]),
    aside=ASIDE,
)


WITHOUT_SCORES = "Without scores"


def _unscored(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    alone = not study.pictures and not study.printed
    return {"Leaderboard" if alone else WITHOUT_SCORES: _unscored_table(study.content)}


UNSCORED = Section(WITHOUT_SCORES, 60, (), _unscored)


def _unscored_table(content: Content) -> list[Table]:
    """Table of the systems without any score, with reasons; empty if all have scores."""
    lines = []
    for group in content.groups:
        entry = group[0]
        if not entry.scored:
            name = display_name(content, entry.system)
            link = Link(name, f"#{group_anchor(entry)}")
            budget = budget_words([entry.budget])
            lines.append((link, entry.dataset, budget, entry.status))
    columns = ("System", "Dataset", "Budget", "Status")
    return [Table.of("The reasons", columns, lines)] if lines else []
