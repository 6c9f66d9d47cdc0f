"""Systems without any score, with the reasons."""

from collections.abc import Mapping, Sequence

from defocus.benchmark.reporting.unscored import unscored_table
from defocus.benchmark.section.section import Section
from defocus.benchmark.section.study import ReportStudy
from defocus.reports.model import Part

HEADING = "Without scores"


def _build(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    alone = not study.pictures and not study.printed
    return {"Leaderboard" if alone else HEADING: unscored_table(study.content)}


SECTION = Section(HEADING, 60, (), _build)
