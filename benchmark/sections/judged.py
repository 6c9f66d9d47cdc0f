"""What people judged."""

from defocus.benchmark.judging.agreement import metric_agreement
from defocus.benchmark.judging.answers import read_judged
from defocus.benchmark.judging.tables import judged_words, metrics_tables, strengths_table
from defocus.benchmark.reporting.content import Content, display_name
from defocus.reports.model import Paragraph, Part

__all__ = ["by_people"]


def by_people(content: Content) -> tuple[Part, ...]:
    """What people judged, where they did, and which metrics agree with them."""
    found = read_judged(content.out)
    if found is None:
        return ()
    agreements = metric_agreement(content.results, found.strengths)
    strengths = strengths_table(found, lambda system: display_name(content, system))
    said = " ".join(judged_words(found))
    return (strengths, *((Paragraph(said),) if said else ()), *metrics_tables(agreements))
