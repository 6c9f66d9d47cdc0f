"""Scores against injected misalignment, where the study was of that."""

from collections.abc import Sequence

from defocus.benchmark.leaderboard.content import Content
from defocus.benchmark.reporting.figures.plots import MISALIGNMENT, misalignment_curves
from defocus.benchmark.section.section import Figures, Section
from defocus.benchmark.section.study import ReportStudy
from defocus.reports.model import Part


def _build(study: ReportStudy) -> Sequence[Part]:
    return misalignment_curves(study.content)


def _figures(content: Content) -> Figures:
    return {"misalignment": misalignment_curves(content)}


SECTION = Section("Misalignment", 90, (MISALIGNMENT,), _build, figures=_figures)
