"""Tables of published numbers for the terminal; numbered notes say where a number is from."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from defocus.baselines.registry import baseline
from defocus.benchmark.leaderboard.columns import unit_of
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.published.numbers import Comparison, Published, compared
from defocus.benchmark.results.store import NARROW, STORE, read_results
from defocus.errors import InputError, NotApplicableError
from defocus.reports.model import Cell, Column, Table


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
    columns = ("System", "Metric", "As printed", "Unit")
    tables = [
        Table.of(
            f"{dataset}, protocol {protocol}: as printed",
            (*columns, "Note"),
            tuple(_printed(row, notes) for row in group),
        )
        for (dataset, protocol), group in groups.items()
    ]
    return tables, list(notes)


def _printed(row: Published, notes: dict[str, int]) -> tuple[Cell, ...]:
    unit = unit_of(row.metric)
    scale = "" if row.scale == 1 else f"x {row.scale:g}"
    note = _number("; ".join(filter(None, (row.source, row.note))), notes)
    return row.system, row.metric, row.value, " ".join(filter(None, (scale, unit))), note


def comparison_table(system: str, comparisons: Sequence[Comparison]) -> tuple[Table, list[str]]:
    """Measured beside published values, and the notes: sources, and reasons for differences."""
    notes: dict[str, int] = {}
    body: list[tuple[Cell, ...]] = []
    for one in comparisons:
        numbers = [_number(text, notes) for text in (one.source, *one.reasons)]
        unit = unit_of(one.metric)
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
        "Metric", "Dataset", "Protocol", Column("Ours", decimals=4),
        Column("Published", decimals=4), "Difference", "Notes",
    )  # fmt: skip
    return Table.of(f"{system}: measured and published", columns, body), list(notes)


def _number(text: str, notes: dict[str, int]) -> str:
    return str(notes.setdefault(text, len(notes) + 1))
