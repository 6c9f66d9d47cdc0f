"""The answer of a study by dose, with which its report begins, and the names of its lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from defocus.benchmark.documents.section import Figures, Section
from defocus.benchmark.documents.study_view import Lead, ReportStudy
from defocus.benchmark.leaderboard.content import Content
from defocus.extras.studies.dose.kept import DOSES, read_doses
from defocus.extras.studies.dose_report.charts import dose_chart, part_charts
from defocus.extras.studies.dose_report.parts import dose_parts, line_names
from defocus.extras.studies.dose_report.words import (
    dose_result,
    interval_words,
    study_title,
)
from defocus.pictures import picture_name
from defocus.reports.model import Part


def _build(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    document = read_doses(study.out)
    return dict(dose_parts(study.out, document)) if document else {}


def _names(study: ReportStudy) -> Sequence[Part]:
    document = read_doses(study.out)
    return [line_names(document)] if document else []


def _lead(out: Path) -> Lead | None:
    document = read_doses(out)
    if document is None:
        return None
    return Lead(study_title(document), dose_result(document), interval_words(document))


def _figures(content: Content) -> Figures:
    document = read_doses(content.out)
    if document is None:
        return {}
    return {
        "gain-by-dose": [dose_chart(document)],
        "gain-by-part": list(part_charts(document).values()),
    }


ANSWER = Section(
    "Gain by dose",
    0,
    (DOSES, picture_name("strip-*px")),
    _build,
    lead=_lead,
    figures=_figures,
)
NAMES = Section(
    "Names of the lines",
    35,
    (DOSES,),
    _names,
    aside="Leaderboards",
)
