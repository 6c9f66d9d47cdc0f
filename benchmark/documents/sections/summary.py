"""The numbers in sentences, and quality against cost."""

from collections.abc import Sequence

from defocus.benchmark.documents.abstract import sentences
from defocus.benchmark.documents.figures.plots import pareto_plots
from defocus.benchmark.documents.section import Figures, Section, tabbed
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.benchmark.documents.summary import further
from defocus.benchmark.leaderboard.content import Content
from defocus.reports.model import Paragraph, Part

ASIDE = "Summary and cost"


def _sentences(study: ReportStudy) -> Sequence[Part]:
    said = [] if study.lead else further(study.content, study.pictures)
    return [Paragraph(text) for text in [*said, *sentences(study.content)]]


def _by_cost(study: ReportStudy) -> Sequence[Part]:
    """A tab per figure, named by the cost, or by its caption if there are several datasets."""
    plots = pareto_plots(study.content)
    if study.printed:
        return plots
    names = [plot.x_label for plot in plots]
    if len(set(names)) < len(names):
        names = [plot.caption for plot in plots]
    return tabbed("Against", list(zip(names, plots, strict=True)))


def _figures(content: Content) -> Figures:
    return {"quality-cost": pareto_plots(content)}


SUMMARY = Section("Summary", 70, (), _sentences, aside=ASIDE)
COST = Section("Quality and cost", 80, (), _by_cost, aside=ASIDE, figures=_figures)
