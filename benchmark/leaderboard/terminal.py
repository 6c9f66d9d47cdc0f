"""Leaderboard on the terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from defocus.benchmark.leaderboard.classes import notice_on
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.tables import COUNTED, score_tables
from defocus.benchmark.results.run_folder import FAILURE, run_folder
from defocus.benchmark.results.store import SCRATCH
from defocus.benchmark.statistics.comparable import Track
from defocus.progress import say, several
from defocus.reports.display import plain, visible
from defocus.reports.html_rows import numeric_columns
from defocus.reports.model import Cell, Column, Table
from defocus.terminal import (
    BETWEEN,
    cell_width,
    column_widths,
    row_lines,
    stdout_cells,
    wrapped,
)

if TYPE_CHECKING:
    from defocus.benchmark.study.outcome import Outcome
    from defocus.benchmark.study.plan import Study

ALIKE = "[schedule] and, each on its line, steps = 300, crop_px = 64, batch = 2"
"""Settings by which some networks are trained from scratch in a few minutes."""

FAIR = (
    "to make one, train all alike: --budget quick --settings alike.toml, where alike.toml has "
    f"{ALIKE}"
)

_UNLIMITED = 10_000
"""Width of a table, in characters, where stdout is not a terminal: it is then as wide as its
cells."""

_LEFT_OUT = "not shown in this width"

_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


def show_outcome(outcome: "Outcome", studies: Sequence["Study"]) -> int:
    """Print the leaderboard on stdout and its path on stderr; return the exit code."""
    print_leaderboard(outcome.rows, outcome.reconstructions, outcome.tracks)
    out = studies[0].out
    hints = [_how_to_fill(outcome.rows, study) for study in studies]
    for hint in filter(None, dict.fromkeys(hints)):
        say(hint)
    if hint := _how_to_train_alike(studies):
        say(hint)
    if outcome.replaced:
        counts = []
        for name, count in sorted(outcome.replaced.items()):
            counts.append(f"{name}: {count}")
        say(
            f"kept, but not in the leaderboard: other runs, with other code, settings or data "
            f"({', '.join(counts)}); to compare them, give one another name or another folder"
        )
    code = say_incomplete(outcome, studies)
    say(f"{out / 'leaderboard.csv'}, {out / 'report.html'}, {out / 'report.pdf'}")
    return code


def say_incomplete(outcome: "Outcome", studies: Sequence["Study"]) -> int:
    """Say what failed or was left out of a study; return the exit code of :func:`show_outcome`."""
    if failed := outcome.failed:  # each said why at its step
        who, run = (
            (f"{len(failed)} runs", "RUN") if failed[1:] else (failed[0], failed[0])
        )
        where = run_folder(studies[0].out, run) / FAILURE
        say(f"{who} failed; {where} has the details", error=True)
    if unfinished := outcome.unfinished:  # likewise
        say(
            f"{several(unfinished)} {'are' if unfinished[1:] else 'is'} not finished; give the "
            "same command again",
            error=True,
        )
    left_out = outcome.say_left_out()
    for problem in outcome.problems:
        say(f"some runs could not be started: {problem}", error=True)
    codes = [problem.exit_code for problem in outcome.problems]
    if codes:
        return codes[0]
    return 1 if outcome.failed or unfinished else left_out


def _how_to_fill(rows: Sequence[Row], study: "Study") -> str:
    """Advice for metrics without any value, such as one whose weights are missing."""
    rows_of_study = {
        (run.system, study.dataset.name, run.reported_budget) for run in study.runs
    }
    metrics, computed = set(), set()
    for row in rows:
        mine = (row.system, row.dataset, row.budget) in rows_of_study
        if row.protocol and mine:
            metrics.add(row.metric)
            if row.value is not None:
                computed.add(row.metric)
    missing = metrics - computed
    if not computed or not missing:
        return ""
    return (
        f"once {' and '.join(sorted(missing))} can be computed, the same command again fills it in "
        "without training"
    )


def _how_to_train_alike(studies: Sequence["Study"]) -> str:
    """Advice where a network began from scratch and others with weights of the package."""
    weights: dict[str, str] = {}
    any_narrow = False
    for study in studies:
        for run in study.runs:
            if run.recipe is not None and run.training is None:
                weights[run.system] = run.trained_weights
                any_narrow = any_narrow or run.baseline.is_narrow
    scratch = {name: said for name, said in weights.items() if said.startswith(SCRATCH)}
    if not scratch or not any_narrow:
        return ""
    own = ", ".join(f"{name} was trained {said}" for name, said in scratch.items())
    return (
        f"{own}; the narrow copies began with weights of this package, so they are not ranked "
        "together. To train all alike, from scratch: the same command with --budget quick "
        f"--settings alike.toml and another --out, where alike.toml has {ALIKE}"
    )


def print_leaderboard(
    rows: Sequence[Row],
    reconstructions: Sequence[str] = (),
    tracks: Sequence[Track] = (),
) -> None:
    """Print the tables on stdout as wide as the terminal allows; notes are once, below them."""
    width = stdout_cells(_UNLIMITED)
    tables = score_tables(rows, reconstructions, tracks)
    left_out: dict[str, None] = {}
    shown: set[str] = set()
    for table in tables:
        fitting, names = _fitting(table, width)
        left_out |= dict.fromkeys(names)
        shown |= {column.name for column in fitting.columns}
        if len(table.columns) > 1:  # else there are reasons alone
            _print_table(fitting, ())
    notice = notice_on((row.budget for row in rows), tracks)
    notes = [notice, FAIR if notice.endswith("not a comparison") else ""]
    notes += [table.note for table in tables]
    if left_out:
        notes.append(f"{_LEFT_OUT}: {', '.join(left_out)}")
    if "MACs" in shown:
        notes.append(COUNTED)
    _print_lines(dict.fromkeys(notes))
    click.echo()


def _fitting(table: Table, width: int) -> tuple[Table, list[str]]:
    """As many of a table's columns as fit, from the left, and the names of the others."""
    used = 0
    kept = 0
    for index, column in enumerate(table.columns):
        texts = _header(column).split("\n")
        texts += [_cell(row[index], column) for row in table.rows]
        used += max(map(cell_width, texts)) + len(BETWEEN)
        if index and used > width:
            break
        kept = index + 1
    columns = table.columns[:kept]
    rows = tuple(row[:kept] for row in table.rows)
    shown = Table.of(table.caption, columns, rows, table.note, headings=table.headings)
    return shown, [column.name for column in table.columns[kept:]]


def print_tables(tables: Iterable[Table], notes: Sequence[str] = ()) -> None:
    """Print tables on stdout, each with its note, and numbered notes to all of them at the end."""
    # Numbers that a narrow terminal has no room for are left out and named; words are wrapped.
    width = stdout_cells(_UNLIMITED)
    for table in tables:
        shown, names = _fitting(table, width)
        without_room = numeric_columns(table)[len(shown.columns) :]
        if not all(without_room):
            shown, names = table, []
        left_out = f"{_LEFT_OUT}: {', '.join(names)}" if names else ""
        _print_table(shown, (table.note, left_out))
    numbered = []
    for number, note in enumerate(notes, start=1):
        numbered.append(f"{number}  {note}")
    _print_lines(numbered)


def _print_table(table: Table, lines: tuple[str, ...]) -> None:
    _print_bold(wrapped(visible(table.caption), stdout_cells()))
    heads = _heads(table)
    rows = _texts(table)
    numbers = set()
    for index, is_numeric in enumerate(numeric_columns(table)):
        if index and is_numeric:
            numbers.add(index)
    every = [*heads, *rows]
    widths = column_widths(every, stdout_cells(_UNLIMITED), numbers)
    right = _whole_columns(every, widths)
    for head in heads:
        _print_bold(row_lines(head, widths, right))
    between = len(BETWEEN) * (len(widths) - 1)
    click.echo("─" * (sum(widths) + between + 2))
    begins = _beginnings(table)
    for number, row in enumerate(rows):
        _print_lines([begins.get(number, "")])
        for line in row_lines(row, widths, right):
            click.echo(line)
    _print_lines(lines)
    click.echo()


def _whole_columns(lines: Sequence[Sequence[str]], widths: Sequence[int]) -> set[int]:
    """The columns behind the first that are as wide as their cells."""
    natural = column_widths(lines, _UNLIMITED)
    whole = set()
    for index, width in enumerate(widths):
        if index and width == natural[index]:
            whole.add(index)
    return whole


def _print_bold(lines: Iterable[str]) -> None:
    for line in lines:
        click.secho(line, bold=True)


def _texts(table: Table) -> list[list[str]]:
    """The cells of the rows as text."""
    return [list(map(_cell, row, table.columns)) for row in table.rows]


def _heads(table: Table) -> list[list[str]]:
    """The lines of the heads of columns, aligned at the bottom."""
    heads = [_header(column).split("\n") for column in table.columns]
    deepest = max(map(len, heads))
    aligned = []
    for lines in heads:
        above = [""] * (deepest - len(lines))
        aligned.append(above + lines)
    return list(map(list, zip(*aligned, strict=True)))


def _beginnings(table: Table) -> dict[int, str]:
    """The headings of a table by the row that they are above."""
    begins: dict[int, str] = {}
    row = 0
    for heading in table.headings:
        if heading.title:
            begins[row] = f"{heading.title} ({heading.line})"
        row += heading.rows
    return begins


def _print_lines(lines: Iterable[str]) -> None:
    for line in filter(None, lines):
        for part in wrapped(visible(line), stdout_cells()):
            click.secho(part, dim=True)


def _header(column: Column) -> str:
    """Name of a column; its unit and better direction on a second line."""
    unit = f"({column.unit})" if column.unit else ""
    below = f"{unit}{_ARROWS[column.better]}".strip()
    return f"{column.name}\n{below}" if below else column.name


def _cell(cell: Cell, column: Column) -> str:
    content = plain(cell)
    if content is None:
        return "n/a"
    if isinstance(content, str):
        return visible(content)
    sign = "+" if column.bar or column.signed else ""
    return f"{content:{sign}z.{column.decimals}f}"
