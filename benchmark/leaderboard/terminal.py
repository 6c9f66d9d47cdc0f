"""Leaderboard on the terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.tables import budget_notice, cost_tables, score_tables
from defocus.benchmark.results.run_folder import FAILURE, run_folder
from defocus.benchmark.statistics.comparable import Track
from defocus.progress import say
from defocus.reports.model import Cell, Column, Table
from defocus.reports.text import plain, visible

if TYPE_CHECKING:
    from rich.console import Console

    from defocus.benchmark.study.plan import Study
    from defocus.benchmark.study.running.run import Outcome

__all__ = ["print_leaderboard", "print_tables", "show_outcome"]

_WIDTH = 100
"""Columns of the text where stdout is no terminal; tables are as wide there as their cells."""

_UNLIMITED = 10_000

_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


def show_outcome(outcome: "Outcome", studies: Sequence["Study"]) -> int:
    """Print the leaderboard on stdout and its path on stderr; return the exit code.

    Args:
        outcome: Outcome of a study.
        studies: The requested studies, of one folder.

    Returns:
        The exit code of the first dataset's problem, else 1 if a run failed, else 0.
    """
    print_leaderboard(outcome.rows, outcome.reconstructions, outcome.tracks)
    out = studies[0].out
    for run in outcome.failed:
        say(f"{run} failed; {run_folder(out, run) / FAILURE} has the details", error=True)
    hints = (_how_to_fill(outcome.rows, study) for study in studies)
    for hint in filter(None, dict.fromkeys(hints)):
        say(hint)
    for problem in outcome.problems:
        say(f"some runs could not be started: {problem}", error=True)
    say(f"{out / 'leaderboard.csv'}, {out / 'report.html'}, {out / 'report.pdf'}")
    codes = [problem.exit_code for problem in outcome.problems]
    return codes[0] if codes else 1 if outcome.failed else 0


def _how_to_fill(rows: Sequence[Row], study: "Study") -> str:
    """Advice for metrics without any value, such as one whose weights are missing."""
    asked = {(run.system, study.dataset.name, run.reported_budget) for run in study.runs}
    scored = [r for r in rows if r.protocol and (r.system, r.dataset, r.budget) in asked]
    systems = sorted({row.system for row in scored if row.value is not None})
    missing = {row.metric for row in scored} - {r.metric for r in scored if r.value is not None}
    if not systems or not missing:
        return ""
    filled = "once that is mended, the same command again fills it in without training"
    if not study.options:  # no other command line names the same runs
        return f"{', '.join(sorted(missing))} could not be computed; {filled}"
    seeds = 1 + max(run.seed for run in study.runs)
    command = study.command("evaluate", *systems, *(["--seeds", str(seeds)] if seeds > 1 else []))
    return (
        f"{', '.join(sorted(missing))} could not be computed (the reason stands under the tables); "
        f"{filled}, as does: {command}"
    )


def print_leaderboard(
    rows: Sequence[Row], reconstructions: Sequence[str] = (), tracks: Sequence[Track] = ()
) -> None:
    """Print the tables on stdout, with the notice of a budget that cannot compare systems."""
    console = _console()
    notice = budget_notice(row.budget for row in rows)
    said = ""
    for table in (*score_tables(rows, reconstructions, tracks), *cost_tables(rows)):
        note = table.note if table.note != said else ""
        said = table.note
        _print_table(console, table, (notice, note))


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables on stdout, each with its note."""
    console = _console()
    for table in tables:
        _print_table(console, table, (table.note,))


def _console() -> "Console":
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_UNLIMITED)


def _print_table(console: "Console", table: Table, lines: tuple[str, ...]) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    width = None if console.is_terminal else _WIDTH
    console.print(Text(visible(table.caption), style="bold"), width=width)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False)
    for index, column in enumerate(table.columns):
        header = Text(_header(column))
        drawn.add_column(header, justify="left" if index == 0 else "right", no_wrap=index > 0)
    for row in table.rows:
        cells = (_cell(c, column) for c, column in zip(row, table.columns, strict=True))
        drawn.add_row(*(Text(cell) for cell in cells))
    console.print(drawn)
    for line in lines:
        if line:
            console.print(Text(visible(line), style="dim"), width=width)
    console.print()


def _header(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.name}{unit}{_ARROWS[column.better]}"


def _cell(cell: Cell, column: Column) -> str:
    content = plain(cell)
    if content is None:
        return "n/a"
    return visible(content) if isinstance(content, str) else f"{content:.{column.decimals}f}"
