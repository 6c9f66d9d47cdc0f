"""Pages of a study: leaderboard for browsers, appendix for print; both of the sections found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from defocus.benchmark.documents.section import Section
from defocus.benchmark.documents.section_registry import all_sections
from defocus.benchmark.documents.study_view import ReportStudy, read_study
from defocus.benchmark.documents.summary import headline, result
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.store import Results
from defocus.reports.display import anchor
from defocus.reports.model import Folded, Page, Part

TITLE = "Defocus deblurring benchmark"


def build_page(
    out: Path,
    results: Results,
    rows: Sequence[Row],
    *,
    printed: bool = False,
) -> Page:
    """The report of a study for browsers, or for print: a paper's appendix."""
    # It has the sections that can be made; empty ones are left out.
    sections = [one for one in all_sections() if one.has_needs(out)]
    leads = (one.lead(out) for one in sections if one.lead is not None)
    lead = next(filter(None, leads), None)
    study = read_study(out, results, rows, lead, printed=printed)
    laid = tuple(_laid(study, sections))
    return Page(
        lead.title if lead else TITLE,
        study.notice(),
        laid,
        lead.result if lead else result(study.content, study.pictures),
        study.notes.texts,
        figures=() if lead else headline(study.content, study.pictures),
    )


def _laid(
    study: ReportStudy,
    sections: Iterable[Section],
) -> Iterator[tuple[str, tuple[Part, ...]]]:
    """Headings with their parts; with a lead, some are folded under a heading that they share."""
    folded: dict[str, list[Part]] = {}
    laid: list[tuple[str, Sequence[Part]]] = []
    for section in sections:
        for heading, parts in _headed(section, study):
            aside = section.aside if study.lead else ""
            if not aside:
                laid.append((heading, parts))
                continue
            if aside not in folded:
                laid.append((aside, folded.setdefault(aside, [])))
            folded[aside].append(
                Folded(heading, anchor("fold", aside, heading), tuple(parts))
            )
    yield from ((heading, tuple(parts)) for heading, parts in laid)


def _headed(
    section: Section,
    study: ReportStudy,
) -> Iterator[tuple[str, Sequence[Part]]]:
    """The headings of a section that have parts."""
    built = section.build(study)
    headed = built if isinstance(built, Mapping) else {section.name: built}
    for heading, parts in headed.items():
        if parts:
            yield heading, parts
