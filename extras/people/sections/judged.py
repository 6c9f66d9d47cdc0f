"""What people judged, where they did, and which metrics agree with them."""

from collections.abc import Sequence

from defocus.benchmark.documents.section import Section
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.extras.people.agreement import metric_agreement
from defocus.extras.people.answers import JUDGED, read_judged
from defocus.extras.people.tables import judged_words, metrics_tables, strengths_table
from defocus.reports.model import Paragraph, Part


def _build(study: ReportStudy) -> Sequence[Part]:
    judged = read_judged(study.out)
    if judged is None:
        return ()
    agreements = metric_agreement(study.content.results, judged.strengths)
    strengths = strengths_table(judged, study.display_name)
    said = " ".join(judged_words(judged))
    return (
        strengths,
        *((Paragraph(said),) if said else ()),
        *metrics_tables(agreements),
    )


SECTION = Section("Judged by people", 50, (JUDGED,), _build)
