"""Pages of a study: leaderboard for browsers, appendix for print."""

from collections.abc import Sequence
from pathlib import Path

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.tables import budget_notice
from defocus.benchmark.reporting.boards import board_tables, breakdown_tables, unscored_table
from defocus.benchmark.reporting.content import Content, read_content, setting_names
from defocus.benchmark.reporting.figures.picture_pages import picture_parts
from defocus.benchmark.reporting.figures.picture_scores import read_picture_scores
from defocus.benchmark.reporting.figures.pictures import KeptPictures
from defocus.benchmark.reporting.figures.plots import (
    misalignment_curves,
    pareto_plots,
    training_curves,
)
from defocus.benchmark.reporting.provenance import (
    method_parts,
    provenance_parts,
    references,
)
from defocus.benchmark.reporting.summary import introduction, one_line, sentences
from defocus.benchmark.results.store import Results
from defocus.reports.model import Folded, Page, Paragraph, Part

__all__ = ["TITLE", "build_appendix", "build_page"]

TITLE = "Defocus deblurring benchmark"

PRINTED_PICTURES = 3
"""So many pictures of each dataset are printed."""

Section = tuple[str, tuple[Part, ...]]


def build_page(out: Path, results: Results, rows: Sequence[Row]) -> Page:
    """Make the report of a study for browsers.

    Args:
        out: Folder of the study.
        results: The study's store.
        rows: The rows of its leaderboard.
    """
    content = read_content(out, results, rows)
    return _page(
        content,
        ("Leaderboard", (Paragraph(introduction(rows)), *_boards(content))),
        _pictures(content),
        ("Systems", (references(content),)),
        ("Provenance", tuple(provenance_parts(content))),
    )


def build_appendix(out: Path, results: Results, rows: Sequence[Row]) -> Page:
    """Make the report of a study for print, with the content of a paper's appendix.

    Args:
        out: Folder of the study.
        results: The study's store.
        rows: The rows of its leaderboard.
    """
    content = read_content(out, results, rows)
    return _page(
        content,
        ("Results", _boards(content)),
        _printed_pictures(content),
        ("References", (references(content),)),
    )


def _boards(content: Content) -> tuple[Part, ...]:
    unscored = unscored_table(content)
    return (*board_tables(content), *([unscored] if unscored else []))


def _page(content: Content, boards: Section, pictures: list[Section], *last: Section) -> Page:
    """Content of both documents, in order; empty sections are left out."""
    sections: list[Section] = [
        ("Summary", tuple(Paragraph(text) for text in sentences(content))),
        boards,
        ("Where the score comes from", tuple(breakdown_tables(content))),
        ("Quality and cost", tuple(pareto_plots(content))),
        ("Misalignment", tuple(misalignment_curves(content))),
        *pictures,
        ("Training", tuple(training_curves(content))),
        ("Methods", tuple(method_parts(content))),
        *last,
    ]
    notice = budget_notice(row.budget for row in content.rows)
    shown = tuple((heading, parts) for heading, parts in sections if parts)
    return Page(TITLE, notice, shown, one_line(content.rows))


def _pictures(content: Content) -> list[Section]:
    kept = KeptPictures(content.out)
    names = setting_names(content.rows)
    return [
        (
            f"Pictures of {names[scores.setting]}",
            tuple(picture_parts(content, scores, kept)),
        )
        for scores in read_picture_scores(content)
    ]


def _printed_pictures(content: Content) -> list[Section]:
    """The pictures on which systems differ most, without the table over all pictures."""
    printed: list[Section] = []
    for heading, parts in _pictures(content):
        folded = [part for part in parts if isinstance(part, Folded) and len(part.parts) > 1]
        printed.append((heading, tuple(folded[:PRINTED_PICTURES])))
    return printed
