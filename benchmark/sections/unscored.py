"""Systems without any score, with the reasons."""

from collections.abc import Mapping, Sequence

from defocus.benchmark.leaderboard.classes import budget_words
from defocus.benchmark.reporting.content import Content, display_name, group_anchor
from defocus.benchmark.section.section import Section
from defocus.benchmark.section.study import ReportStudy
from defocus.reports.model import Link, Part, Table

HEADING = "Without scores"


def _build(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    alone = not study.pictures and not study.printed
    return {"Leaderboard" if alone else HEADING: unscored_table(study.content)}


SECTION = Section(HEADING, 60, (), _build)


def unscored_table(content: Content) -> list[Table]:
    """Table of the systems without any score, with reasons; empty if all have scores."""
    lines = [
        (
            Link(display_name(content, entry.system), f"#{group_anchor(entry)}"),
            entry.dataset,
            budget_words([entry.budget]),
            entry.status,
        )
        for group in content.groups
        for entry in group[:1]
        if not entry.scored
    ]
    columns = ("System", "Dataset", "Budget", "Status")
    return [Table.of("The reasons", columns, lines)] if lines else []
