"""Write reports to the requested folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from defocus.benchmark.documents.comparison import (
    Changes,
    against_page,
    compare_studies,
)
from defocus.benchmark.documents.paper_options import PaperOptions
from defocus.benchmark.documents.paper_tables import USUAL, paper_csv, paper_tables
from defocus.benchmark.documents.publish import render_reports
from defocus.benchmark.documents.section_registry import all_sections
from defocus.benchmark.documents.together import studies_together
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.store import STORE, read_results
from defocus.errors import InputError
from defocus.progress import say
from defocus.reports.html import write_html
from defocus.reports.latex import render_latex
from defocus.reports.model import Curves, Scatter
from defocus.reports.pdf import render_pdf
from defocus.reports.plot import draw_figures
from defocus.storage.files import make_folder, write_bytes


def write_report(out: Path, others: Sequence[Path] = ()) -> None:
    """Write ``report.html`` and ``report.pdf`` of a study; with others, ``together.html`` …."""
    name = "together" if others else "report"
    with (
        studies_together(out, others) as folder,
        read_results(folder / STORE) as results,
    ):
        render_reports(folder, results, leaderboard(results), out / name)
    say(f"wrote {name}.html and {name}.pdf to {out}")


def write_comparison(out: Path, other: Path) -> Changes:
    """Write ``comparison.html`` and ``comparison.pdf`` of a study against another one."""
    changes = compare_studies(out, other)
    page = against_page(changes, out.resolve().name, other.resolve().name)
    write_html(page, out / "comparison.html")
    write_bytes(out / "comparison.pdf", render_pdf(page))
    say(f"{page.summary} Wrote comparison.html and comparison.pdf to {out}")
    return changes


def paper_text(
    out: Path,
    style: str,
    options: PaperOptions = USUAL,
    *,
    as_csv: bool = False,
) -> str:
    """The tables of one style as LaTeX or CSV."""
    with read_results(out / STORE) as results:
        content = read_content(out, results, leaderboard(results))
        tables = paper_tables(content, style, options)
    if not tables:
        lacking = "none of its metrics is there" if content.rows else "no run is scored"
        if style == "places" and content.rows:
            lacking = (
                "its dataset does not say which pictures are indoors and which outdoors"
            )
        raise InputError(
            f"{out}: the study has no numbers for a table '{style}': {lacking}"
        )
    return paper_csv(tables) if as_csv else "\n".join(map(render_latex, tables))


def write_figures(out: Path, folder: Path, kind: Literal["pdf", "svg"]) -> list[Path]:
    """Draw a study's figures into a folder: ``quality-cost-1.pdf``, ``training-1.pdf`` …."""
    with read_results(out / STORE) as results:
        content = read_content(out, results, leaderboard(results))
        figures: dict[str, Sequence[Curves | Scatter]] = {}
        for section in all_sections():
            if section.figures is not None and section.has_needs(out):
                figures |= section.figures(content)
    if not any(figures.values()):
        raise InputError(
            f"{out}: nothing to draw; finish three systems beside the input, or the training of one"
        )
    make_folder(folder)
    written = []
    for name, drawn in figures.items():
        for number, figure in enumerate(drawn, start=1):
            file = folder / f"{name}-{number}.{kind}"
            written.append(file)
            write_bytes(file, draw_figures([figure], kind))
    return written
