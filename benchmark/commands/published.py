"""``defocus-bench published``; numbered notes below a table say where a number is from."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:  # heavy at run time
    from defocus.benchmark.commands._settings import PublishedSettings
    from defocus.benchmark.published.numbers import PrintedBeside, Published
    from defocus.reports.model import Cell, Table


@help_heading("Report")
@click.command(cls=SettingsCommand)
@click.argument("system", required=False)
def command(system: str | None, settings: "PublishedSettings") -> None:
    """Show published numbers with their sources.

    SYSTEM is a published id, or a name here; without it all are shown. A value is shown as printed;
    multiply it by the scale to get the true value.

    With --against, reasons for differences are listed: profile, bit depth, crop, SSIM window,
    weights, flow, and notes on the printed number.
    """
    if settings.against is not None:
        if system is None or settings.dataset or settings.metric:
            raise click.UsageError("--against compares all numbers of one SYSTEM")
        _compare(system, settings.against, as_json=settings.as_json)
        return
    from defocus.benchmark.published.numbers import select_published
    from defocus.command_line.json_output import json_output
    from defocus.progress import say

    with json_output() as output:
        rows = select_published(system, settings.dataset, settings.metric)
        if settings.as_json:
            output.write([row.to_json() for row in rows])
    if not rows:
        say("no known published number matches")
    if rows and not settings.as_json:
        from defocus.benchmark.leaderboard.terminal import print_tables

        print_tables(*_published_tables(rows))


def _compare(system: str, study: Path, *, as_json: bool) -> None:
    from defocus.command_line.json_output import json_output

    with json_output() as output:
        comparisons = _compared(study, system)
        if as_json:
            output.write([each.to_json() for each in comparisons])
            return
    if not comparisons:
        click.echo("no published number has a dataset and metric of this study")
        return
    from defocus.benchmark.leaderboard.terminal import print_tables

    table, notes = _comparison_table(system, comparisons)
    print_tables([table], notes)


def _compared(out: Path, system: str) -> "list[PrintedBeside]":
    """Compare a system's rows of a study with published cells; narrow copies are in no paper."""
    from defocus.baselines.registry import baseline
    from defocus.benchmark.leaderboard.rows import leaderboard
    from defocus.benchmark.published.numbers import compared
    from defocus.benchmark.results.store import NARROW, STORE, read_results
    from defocus.errors import InputError, NotApplicableError

    card = baseline(system).card
    published_as = card.published_as
    if published_as is None:
        raise NotApplicableError(
            f"no published table that we know has the system {system}"
        )
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
    return compared(rows, published_as, card.weights_trained_on)


def _published_tables(rows: "Sequence[Published]") -> "tuple[list[Table], list[str]]":
    """A table of printed values per dataset and protocol, and the notes that they refer to."""
    from defocus.reports.model import Table

    notes: dict[str, int] = {}
    groups: dict[tuple[str, str], list[Published]] = defaultdict(list)
    for row in rows:
        groups[row.dataset, row.protocol].append(row)
    columns = ("System", "Metric", "As printed", "Unit", "Note")
    tables = []
    for (dataset, protocol), group in groups.items():
        title = f"{dataset}, protocol {protocol}: as printed"
        printed = [_printed(row, notes) for row in group]
        tables.append(Table.of(title, columns, printed))
    return tables, list(notes)


def _printed(row: "Published", notes: dict[str, int]) -> "tuple[Cell, ...]":
    from defocus.benchmark.leaderboard.columns import unit_of
    from defocus.benchmark.published.numbers import note_number

    unit = unit_of(row.metric)
    scale = "" if row.scale == 1 else f"x {row.scale:g}"
    note = note_number("; ".join(filter(None, (row.source, row.note))), notes)
    return (
        row.system,
        row.metric,
        row.value,
        " ".join(filter(None, (scale, unit))),
        note,
    )


def _comparison_table(
    system: str,
    comparisons: "Sequence[PrintedBeside]",
) -> "tuple[Table, list[str]]":
    """Measured beside published values, and the notes: sources, and reasons for differences."""
    from defocus.benchmark.leaderboard.columns import unit_of
    from defocus.benchmark.published.numbers import note_number
    from defocus.reports.display import shown_difference
    from defocus.reports.model import Column, Table

    decimals = 4
    notes: dict[str, int] = {}
    body: list[tuple[Cell, ...]] = []
    for one in comparisons:
        numbers = [note_number(text, notes) for text in (one.source, *one.reasons)]
        unit = unit_of(one.metric)
        apart = shown_difference(one.ours, one.published, decimals, one.difference)
        body.append(
            (
                f"{one.metric}, {unit}" if unit else one.metric,
                one.dataset,
                one.protocol or None,
                one.ours,
                one.published,
                f"{apart:+.{decimals}f}",
                " ".join(numbers),
            )
        )
    columns = (
        "Metric",
        "Dataset",
        "Protocol",
        Column("Ours", decimals=decimals),
        Column("Published", decimals=decimals),
        "Difference",
        "Notes",
    )
    return Table.of(f"{system}: measured and published", columns, body), list(notes)
