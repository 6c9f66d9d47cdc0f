"""Pages of a study: leaderboard for browsers, appendix for print."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defocus.benchmark.charts.kept import read_kept_chart
from defocus.benchmark.charts.tables import chart_parts, printed_chart_parts
from defocus.benchmark.experiments.dose.kept import read_doses
from defocus.benchmark.judging.agreement import metric_agreement
from defocus.benchmark.judging.answers import read_judged
from defocus.benchmark.judging.tables import judged_words, metrics_tables, strengths_table
from defocus.benchmark.leaderboard.classes import budget_notice, budget_words, ranks_narrow_copies
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.tables import NARROW_NOTICE
from defocus.benchmark.reporting.board.lines import BoardKey, line_of, read_boards
from defocus.benchmark.reporting.board.notes import Notes, own_lines_notice
from defocus.benchmark.reporting.board.table import board_table
from defocus.benchmark.reporting.content import Content, display_name, group_anchor, read_content
from defocus.benchmark.reporting.dose.parts import dose_parts, line_names
from defocus.benchmark.reporting.dose.words import dose_result, study_title
from defocus.benchmark.reporting.figures.joint_training import (
    joint_training_parts,
    only_joint_training,
)
from defocus.benchmark.reporting.figures.picture_pages import (
    picture_parts,
    printed_pictures,
    typical_figure,
    typical_pictures,
)
from defocus.benchmark.reporting.figures.picture_scores import PictureScores, read_picture_scores
from defocus.benchmark.reporting.figures.pictures import KeptPictures
from defocus.benchmark.reporting.figures.plots import (
    misalignment_curves,
    pareto_plots,
    training_curves,
)
from defocus.benchmark.reporting.provenance import (
    card_words,
    hardware,
    method_parts,
    references,
    run_facts,
    trainings,
)
from defocus.benchmark.reporting.summary import result, sentences
from defocus.benchmark.reporting.tables.details import detail_parts
from defocus.benchmark.reporting.tables.printed import part_table, protocol_table
from defocus.benchmark.reporting.unscored import unscored_table
from defocus.benchmark.results.store import Entry, Results
from defocus.progress import counted
from defocus.reports.model import Beside, Folded, Page, Paragraph, Part, Scatter, Tabs
from defocus.reports.text import anchor

__all__ = ["TITLE", "build_appendix", "build_page"]

TITLE = "Defocus deblurring benchmark"

Section = tuple[str, tuple[Part, ...]]


@dataclass(frozen=True)
class _Report:
    """What both documents are made of; ``doses`` is what a study by dose keeps."""

    content: Content
    pictures: list[PictureScores]
    kept: KeptPictures
    notes: Notes
    doses: dict[str, Any] | None

    def page(self, *sections: Section) -> Page:
        """The document; empty sections are left out."""
        return Page(
            study_title(self.doses) if self.doses else TITLE,
            self.notice(),
            tuple((heading, parts) for heading, parts in sections if parts),
            dose_result(self.doses) if self.doses else result(self.content, self.pictures),
            self.notes.texts,
        )

    def results(
        self, board: Callable[["_Report", PictureScores], tuple[Part, ...]]
    ) -> list[Section]:
        """The leaderboards with the comparison of JDRL and the plain loss.

        A study by dose begins with its own result, which compares them already.
        """
        boards = [(self.heading("Leaderboard", one), board(self, one)) for one in self.pictures]
        if self.doses is None:
            return [*boards[:1], *self.joint_training(), *boards[1:]]
        names: Section = ("Names of the lines", (line_names(self.doses),))
        return [
            *dose_parts(self.content.out, self.doses),
            *self.aside("Leaderboards", [*boards, names]),
        ]

    def aside(self, heading: str, sections: Sequence[Section]) -> list[Section]:
        """The sections as they are; in a study by dose they are folded under one heading."""
        if self.doses is None:
            return list(sections)
        folded = (
            Folded(name, anchor("fold", heading, name), parts) for name, parts in sections if parts
        )
        return [(heading, tuple(folded))]

    def summary(self, by_cost: tuple[Part, ...]) -> list[Section]:
        """The numbers in sentences, and quality against cost."""
        said = tuple(Paragraph(text) for text in sentences(self.content))
        return self.aside("Summary and cost", [("Summary", said), ("Quality and cost", by_cost)])

    def shown(self, parts: Callable[[PictureScores, KeptPictures], list[Part]]) -> list[Section]:
        """The pictures of each dataset."""
        each = [
            (self.heading("Pictures", one), tuple(parts(one, self.kept))) for one in self.pictures
        ]
        return self.aside("Pictures", each)

    def notice(self) -> str:
        """What may not be concluded from the numbers; empty if all systems were trained in full."""
        if ranks_narrow_copies(self.content.tracks.values()):
            return NARROW_NOTICE
        budgets = {row.budget for row in self.content.rows}
        return own_lines_notice(budgets) if self.doses else budget_notice(budgets)

    def joint_training(self) -> list[Section]:
        """The comparison of JDRL with the plain loss, first where a study made it alone."""
        found = []
        made_for_it = {one.board.name for one in self.pictures if _only_joint(one)}
        for one in sorted(self.pictures, key=lambda one: one.board.name not in made_for_it):
            parts = joint_training_parts(self.content, one.board, self.kept)
            found.append((self.heading("JDRL and the plain loss", one), tuple(parts)))
        return found

    def heading(self, words: str, scores: PictureScores) -> str:
        """A heading with the dataset's name where there are several."""
        return f"{words} of {scores.board.name}" if len(self.pictures) > 1 else words


def build_page(out: Path, results: Results, rows: Sequence[Row]) -> Page:
    """Make the report of a study for browsers.

    Args:
        out: Folder of the study.
        results: The study's store.
        rows: The rows of its leaderboard.
    """
    report = _read(out, results, rows)
    content = report.content
    return report.page(
        *report.results(_board),
        ("Test chart", _chart(content, chart_parts)),
        ("Judged by people", _by_people(content)),
        ("Without scores" if report.pictures else "Leaderboard", tuple(unscored_table(content))),
        *report.summary(_by_cost(pareto_plots(content))),
        ("Misalignment", tuple(misalignment_curves(content))),
        *report.shown(picture_parts),
        ("Behind the rows", _behind(report)),
        ("Methods", tuple(method_parts(content, report.doses))),
    )


def build_appendix(out: Path, results: Results, rows: Sequence[Row]) -> Page:
    """Make the report of a study for print, with the content of a paper's appendix.

    Args:
        out: Folder of the study.
        results: The study's store.
        rows: The rows of its leaderboard.
    """
    report = _read(out, results, rows)
    content = report.content
    return report.page(
        *report.results(_printed_board),
        ("Test chart", _chart(content, printed_chart_parts)),
        ("Judged by people", _by_people(content)),
        ("Without scores", tuple(unscored_table(content))),
        *report.summary(tuple(pareto_plots(content))),
        ("Misalignment", tuple(misalignment_curves(content))),
        *report.shown(printed_pictures),
        ("Training", tuple(training_curves(content))),
        ("Methods", (*method_parts(content, report.doses), hardware(content), trainings(content))),
        ("References", (references(content),)),
    )


def _read(out: Path, results: Results, rows: Sequence[Row]) -> _Report:
    content = read_content(out, results, rows)
    pictures = [read_picture_scores(content, board) for board in read_boards(content)]
    doses = read_doses(out)
    notes = Notes(own_lines=doses is not None)
    return _Report(content, pictures, KeptPictures(out), notes, doses)


def _only_joint(scores: PictureScores) -> bool:
    """Whether a leaderboard has nothing but networks trained with and without JDRL."""
    return only_joint_training({s.first.system for s in scores.board.lines if not s.reference})


def _chart(content: Content, parts: Callable[..., list[Part]]) -> tuple[Part, ...]:
    """What the systems do to the test chart, where that was measured."""
    kept = read_kept_chart(content.out)
    return tuple(parts(kept, lambda system: display_name(content, system)))


def _by_people(content: Content) -> tuple[Part, ...]:
    """What people judged, where they did, and which metrics agree with them."""
    found = read_judged(content.out)
    if found is None:
        return ()
    agreements = metric_agreement(content.results, found.strengths)
    strengths = strengths_table(found, lambda system: display_name(content, system))
    said = " ".join(judged_words(found))
    return (strengths, *((Paragraph(said),) if said else ()), *metrics_tables(agreements))


def _tabbed(label: str, named: Sequence[tuple[str, Part]]) -> tuple[Part, ...]:
    return (Tabs(label, tuple((name, (part,)) for name, part in named)),) if named else ()


def _by_cost(plots: Sequence[Scatter]) -> tuple[Part, ...]:
    """A tab per figure, named by the cost, or by its caption if there are several datasets."""
    costs = [plot.x_label for plot in plots]
    once = len(set(costs)) == len(costs)
    return _tabbed("Against", [(plot.x_label if once else plot.caption, plot) for plot in plots])


def _board(report: _Report, scores: PictureScores) -> tuple[Part, ...]:
    board = scores.board
    tables = [
        (board.convention_name(one), board_table(report.content, board, one, report.notes))
        for one in board.conventions
    ]
    aside = typical_figure(scores, report.kept)
    tabs = _tabbed("Compared with", tables)
    return (Beside(tuple(aside), tabs),) if aside else tabs


def _printed_board(report: _Report, scores: PictureScores) -> tuple[Part, ...]:
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


def _behind(report: _Report) -> tuple[Part, ...]:
    """What lies behind each row, one folded page each, and the curves of all trainings."""
    content = report.content
    rows = [_detail(report, group) for group in content.groups]
    folded = Folded("Every row", "rows", tuple(rows), counted(len(rows), "row")) if rows else None
    curves = training_curves(content)
    made, machines = trainings(content), hardware(content)
    return (
        *([folded] if folded else []),
        *([Folded("Training curves", "curves", tuple(curves))] if curves else []),
        *([Folded("Trainings", "trainings", (made,))] if made.facts else []),
        *([Folded(machines.caption, "hardware", (machines,))] if machines.facts else []),
    )


def _detail(report: _Report, group: Sequence[Entry]) -> Folded:
    content, entry = report.content, group[0]
    name, parts = display_name(content, entry.system), list[Part]()
    for scores in report.pictures:
        key = BoardKey(entry.dataset, entry.split, scores.board.key.data_revision)
        lines = [line for line in scores.board.lines if line.key == line_of(entry)]
        if lines and key == scores.board.key:
            name = lines[0].name
            parts += detail_parts(content, scores.board, lines[0], scores, report.notes)
    card = content.cards.get(entry.system)
    parts += [Paragraph(card_words(card))] if card else []
    parts += run_facts(content, group)
    said = f"{entry.dataset}, {budget_words([entry.budget])}, {entry.status}"
    return Folded(name, group_anchor(entry), tuple(parts), said)
