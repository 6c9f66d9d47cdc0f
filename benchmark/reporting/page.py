"""Pages of a study: leaderboard for browsers, appendix for print."""

from collections.abc import Sequence
from pathlib import Path

from defocus.benchmark.charts.tables import chart_parts, printed_chart_parts
from defocus.benchmark.experiments.dose.kept import read_doses
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.reporting.board.lines import read_boards
from defocus.benchmark.reporting.board.notes import Notes
from defocus.benchmark.reporting.content import read_content
from defocus.benchmark.reporting.figures.picture_pages import (
    picture_parts,
    printed_pictures,
)
from defocus.benchmark.reporting.figures.picture_scores import read_picture_scores
from defocus.benchmark.reporting.figures.pictures import KeptPictures
from defocus.benchmark.reporting.figures.plots import (
    misalignment_curves,
    pareto_plots,
    training_curves,
)
from defocus.benchmark.reporting.provenance import (
    hardware,
    method_parts,
    references,
    trainings,
)
from defocus.benchmark.reporting.unscored import unscored_table
from defocus.benchmark.results.store import Results
from defocus.benchmark.section.study import TITLE, Report
from defocus.benchmark.sections.behind import behind
from defocus.benchmark.sections.cost import by_cost
from defocus.benchmark.sections.judged import by_people
from defocus.benchmark.sections.leaderboard import board, printed_board
from defocus.benchmark.sections.test_chart import chart
from defocus.reports.model import Page

__all__ = ["TITLE", "build_appendix", "build_page"]


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
        *report.results(board),
        ("Test chart", chart(content, chart_parts)),
        ("Judged by people", by_people(content)),
        ("Without scores" if report.pictures else "Leaderboard", tuple(unscored_table(content))),
        *report.summary(by_cost(pareto_plots(content))),
        ("Misalignment", tuple(misalignment_curves(content))),
        *report.shown(picture_parts),
        ("Behind the rows", behind(report)),
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
        *report.results(printed_board),
        ("Test chart", chart(content, printed_chart_parts)),
        ("Judged by people", by_people(content)),
        ("Without scores", tuple(unscored_table(content))),
        *report.summary(tuple(pareto_plots(content))),
        ("Misalignment", tuple(misalignment_curves(content))),
        *report.shown(printed_pictures),
        ("Training", tuple(training_curves(content))),
        ("Methods", (*method_parts(content, report.doses), hardware(content), trainings(content))),
        ("References", (references(content),)),
    )


def _read(out: Path, results: Results, rows: Sequence[Row]) -> Report:
    content = read_content(out, results, rows)
    pictures = [read_picture_scores(content, board) for board in read_boards(content)]
    doses = read_doses(out)
    notes = Notes(own_lines=doses is not None)
    return Report(content, pictures, KeptPictures(out), notes, doses)
