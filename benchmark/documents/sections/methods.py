"""How the numbers were made, and what is behind each row."""

from collections.abc import Sequence

from defocus.benchmark.documents.board.details import detail_parts
from defocus.benchmark.documents.figures.plots import training_curves
from defocus.benchmark.documents.provenance import (
    Lines,
    card_words,
    hardware,
    method_parts,
    references,
    run_facts,
    shared_facts,
    trainings,
)
from defocus.benchmark.documents.section import Figures, Section
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.benchmark.leaderboard.classes import budget_words
from defocus.benchmark.leaderboard.content import Content, display_name, group_anchor
from defocus.benchmark.leaderboard.lines import BoardKey, line_of
from defocus.benchmark.results.store import Entry
from defocus.progress import counted
from defocus.reports.model import Folded, Paragraph, Part


def _training(study: ReportStudy) -> Sequence[Part]:
    """The trainings; on the page for browsers they are in the details of the rows."""
    return training_curves(study.content) if study.printed else ()


def _figures(content: Content) -> Figures:
    return {"training": training_curves(content)}


def _methods(study: ReportStudy) -> Sequence[Part]:
    content = study.content
    intervals = study.lead.intervals if study.lead else ""
    parts = list(method_parts(content, intervals))
    if study.printed:
        parts += [hardware(content), trainings(content)]
    return parts


def _references(study: ReportStudy) -> Sequence[Part]:
    return [references(study.content)] if study.printed else ()


TRAINING = Section("Training", 115, (), _training, figures=_figures)
METHODS = Section("Methods", 120, (), _methods)
REFERENCES = Section("References", 130, (), _references)


def _rows(study: ReportStudy) -> tuple[Part, ...]:
    """The details of each row, one folded page each, and the curves of all trainings."""
    if study.printed:
        return ()
    content = study.content
    shared = shared_facts(content)
    rows = [_detail(study, group, shared.facts) for group in content.groups]
    machines = hardware(content)
    folded = [
        Folded("Every row", "rows", tuple(rows), counted(len(rows), "row")),
        Folded("Training curves", "curves", tuple(training_curves(content))),
    ]
    for title, place, facts in (
        (shared.caption, "shared", shared),
        ("Trainings", "trainings", trainings(content)),
        (machines.caption, "hardware", machines),
    ):
        folded.append(Folded(title, place, (facts,) if facts.facts else ()))
    return tuple(one for one in folded if one.parts)


def _detail(study: ReportStudy, group: Sequence[Entry], shared: Lines) -> Folded:
    content = study.content
    entry = group[0]
    name = display_name(content, entry.system)
    parts: list[Part] = []
    for scores in study.pictures:
        board = scores.board
        key = BoardKey(entry.dataset, entry.split, board.key.data_revision)
        lines = [line for line in board.lines if line.key == line_of(entry)]
        if lines and key == board.key:
            name = lines[0].name
            parts += detail_parts(content, board, lines[0], scores, study.notes)
    card = content.cards.get(entry.system)
    if card:
        parts.append(Paragraph(card_words(card)))
    parts += run_facts(content, group, shared)
    said = f"{entry.dataset}, {budget_words([entry.budget])}, {entry.status}"
    return Folded(name, group_anchor(entry), tuple(parts), said)


BEHIND = Section("Behind the rows", 110, (), _rows)
