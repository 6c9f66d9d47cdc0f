"""The pictures of each dataset."""

from collections.abc import Mapping, Sequence

from defocus.benchmark.reporting.figures.picture_pages import picture_parts, printed_pictures
from defocus.benchmark.section.section import Section
from defocus.benchmark.section.study import ReportStudy
from defocus.reports.model import Part


def _build(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    parts = printed_pictures if study.printed else picture_parts
    return study.by_dataset("Pictures", lambda one: parts(one, study.kept))


SECTION = Section("Pictures", 100, (), _build, aside="Pictures")
