"""Effect of the systems on the test chart, where that was measured."""

from collections.abc import Sequence

from defocus.benchmark.documents.section import Section
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.extras.charts.systems.kept import CHART, read_kept_chart
from defocus.extras.charts.systems.tables import chart_parts, printed_chart_parts
from defocus.reports.model import Part


def _build(study: ReportStudy) -> Sequence[Part]:
    parts = printed_chart_parts if study.printed else chart_parts
    return parts(read_kept_chart(study.out), study.display_name)


SECTION = Section("Test chart", 40, (CHART,), _build)
