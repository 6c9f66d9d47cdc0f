"""Tables of published numbers for the terminal; where a number is from stands in numbered notes."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from defocus.baselines.registry import baseline
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.leaderboard.tables import COST_COLUMNS
from defocus.benchmark.metric.metric import all_metrics
from defocus.benchmark.published.numbers import Comparison, Published, compared
from defocus.benchmark.results.store import NARROW, STORE, read_results
from defocus.errors import InputError, NotApplicableError
from defocus.reports.model import Cell, Column, Table

__all__ = ["compare_study", "comparison_table", "published_tables"]


def compare_study(out: Path, system: str) -> list[Comparison]:
    """Compare a system's rows of a study with published cells; narrow copies are in no paper."""
    published_as = baseline(system).card.published_as
    if published_as is None:
        raise NotApplicableError(f"no published table that we know has the system {system}")
    with read_results(out / STORE) as results:
        rows = [row for row in leaderboard(results) if row.system == system]
    if not rows:
        raise InputError(f"{out} has no results of {system}; run it first")
    rows = [row for row in rows if row.weights != NARROW]
    if not rows:
        raise NotApplicableError(
            f"{out} has only the narrow copy of {system}, and papers print the whole network: "
            f"train it with --budget quick, or: defocus-bench evaluate {system} --weights FILE"
        )
    return compared(rows, published_as)


def published_tables(rows: Sequence[Published]) -> tuple[list[Table], list[str]]:
    """A table of printed values per dataset and protocol, and the notes that they refer to."""
    notes: dict[str, int] = {}
    groups: dict[tuple[str, str], list[Published]] = defaultdict(list)
    for row in rows:
        groups[row.dataset, row.protocol].append(row)
    columns = (Column("System"), Column("Metric"), Column("As printed"), Column("Unit"))
    tables = [
        Table(
            f"{dataset}, protocol {protocol}: as printed",
            (*columns, Column("Note")),
            tuple(_printed(row, notes) for row in group),
        )
        for (dataset, protocol), group in groups.items()
    ]
    return tables, list(notes)


def _printed(row: Published, notes: dict[str, int]) -> tuple[Cell, ...]:
    unit = metric_unit(row.metric)
    scale = "" if row.scale == 1 else f"x {row.scale:g}"
    note = _number("; ".join(filter(None, (row.source, row.note))), notes)
    return row.system, row.metric, row.value, " ".join(filter(None, (scale, unit))), note


def comparison_table(system: str, found: Sequence[Comparison]) -> tuple[Table, list[str]]:
    """Measured beside published values, and the notes: sources, and reasons for differences."""
    notes: dict[str, int] = {}
    body: list[tuple[Cell, ...]] = []
    for one in found:
        numbers = [_number(text, notes) for text in (one.source, *one.reasons)]
        unit = metric_unit(one.metric)
        body.append(
            (
                f"{one.metric}, {unit}" if unit else one.metric,
                one.dataset,
                one.protocol or None,
                one.ours,
                one.published,
                f"{one.difference:+.4f}",
                " ".join(numbers),
            )
        )
    columns = (
        Column("Metric"),
        Column("Dataset"),
        Column("Protocol"),
        Column("Ours", decimals=4),
        Column("Published", decimals=4),
        Column("Difference"),
        Column("Notes"),
    )
    return Table(f"{system}: measured and published", columns, tuple(body)), list(notes)


def metric_unit(name: str) -> str:
    """The unit of a metric or a cost; empty for none."""
    metric = all_metrics().get(name)
    if metric is not None:
        return metric.unit
    column = COST_COLUMNS.get(name)
    return column.unit if column is not None else ""


def _number(text: str, notes: dict[str, int]) -> str:
    return str(notes.setdefault(text, len(notes) + 1))
