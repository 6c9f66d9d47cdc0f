"""How the numbers were made: curves of trainings and references in print alone, methods in both."""

from collections.abc import Sequence

from defocus.benchmark.reporting.content import Content
from defocus.benchmark.reporting.figures.plots import training_curves
from defocus.benchmark.reporting.provenance import hardware, method_parts, references, trainings
from defocus.benchmark.section.section import Figures, Section
from defocus.benchmark.section.study import ReportStudy
from defocus.reports.model import Part


def _training(study: ReportStudy) -> Sequence[Part]:
    """On the page of browsers they stand behind the rows."""
    return training_curves(study.content) if study.printed else ()


def _figures(content: Content) -> Figures:
    return {"training": training_curves(content)}


def _methods(study: ReportStudy) -> Sequence[Part]:
    content = study.content
    said = method_parts(content, study.lead.intervals if study.lead else "")
    return [*said, hardware(content), trainings(content)] if study.printed else said


def _references(study: ReportStudy) -> Sequence[Part]:
    return [references(study.content)] if study.printed else ()


TRAINING = Section("Training", 115, (), _training, figures=_figures)
METHODS = Section("Methods", 120, (), _methods)
REFERENCES = Section("References", 130, (), _references)
