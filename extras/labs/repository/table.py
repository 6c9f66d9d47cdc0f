"""Lines of a board as a table: on the board, and on the page of a submission."""

from collections.abc import Iterator, Mapping, Sequence

from defocus.benchmark.leaderboard.columns import column, shown_gain
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.extras.labs.repository.lines import BoardGroup, SubmissionLine
from defocus.reports.model import Cell, Column, Link, Measured, Table

BoardGroups = Mapping[BoardGroup, Sequence[SubmissionLine]]

METRICS = ("psnr", "ssim", "lpips")

LARGE = 300
"""Number of rows above which a table is sorted by the digits shown and draws no bars, because both
would take long."""


def latest_lines(lines: Sequence[SubmissionLine]) -> list[SubmissionLine]:
    """The last line of each lab and system, best first; the input once."""
    latest = {line.key: line for line in lines}
    inputs = [line for line in latest.values() if line.run.entry.system == INPUT]
    rest = [line for line in latest.values() if line.run.entry.system != INPUT]
    return sorted(
        [*rest, *inputs[-1:]],
        key=lambda line: -(line.scores["psnr"].value or 0.0),
    )


def lines_table(
    group: BoardGroup,
    lines: Sequence[SubmissionLine],
    *,
    linked: bool = True,
) -> Table:
    """A line a row, with gain, scores, costs; ``linked``: names lead to pages of submissions."""
    sizes = [line.costs.get("params_m") for line in lines]
    columns = _columns(sizes)
    rows = []
    references = []
    for number, line in enumerate(lines):
        rows.append((_system_cell(line, linked=linked), *_cells(line)))
        if line.run.entry.system == INPUT:
            references.append(number)
    what = (
        "the latest submission of each lab and system" if linked else "this submission"
    )
    note = (
        "Rows are ordered by PSNR; systems whose intervals overlap may be alike. "
        "Seen: whether test scenes may have been in the training. "
        "Computers differ: seconds of two labs are not one measurement."
    )
    if linked and all(line.is_demo for line in lines):
        what = "demo, not a comparison"
        note = "Narrow copies and demo trainings take seconds: they show that a system works."
    return Table.of(
        f"{group.dataset}, protocol {group.protocol}: {what}",
        columns,
        rows,
        note=note,
        large=len(lines) > LARGE,
        references=tuple(references),
    )


def _columns(sizes: list[float | None]) -> tuple[Column | str, ...]:
    """The columns of the board."""
    columns: tuple[Column | str, ...] = (
        "System",
        column("gain", bar=True),
        Column("Lab", choose="value"),
        Column("Checked", choose="value"),
        *map(column, METRICS),
        column("params_m", numbers=sizes, better="lower", choose="limit"),
        column("seconds", better="lower", choose="limit"),
        Column("Licence", choose="value"),
        Column("Seen", choose="value"),
        Column("Weights", choose="value", extra=True),
        Column("Budget", choose="value", extra=True),
        Column("Made", extra=True),
        Column("Version", extra=True),
    )
    return columns


def _system_cell(line: SubmissionLine, *, linked: bool) -> Cell:
    """A system's name, marked where its training was only a demo."""
    name = line.run.entry.system
    if linked:
        return Link(name, line.submission.page, line.marks)
    return ", ".join((name, *line.marks))


def _cells(line: SubmissionLine) -> Iterator[Cell]:
    """Every cell of a row but the name."""
    entry = line.run.entry
    statement = line.submission.statement
    psnr = line.scores["psnr"]
    yield measured(shown_gain(psnr), psnr.gain_low, psnr.gain_high)
    yield statement.lab
    yield line.submission.checked
    for name in METRICS:
        row = line.scores.get(name)
        yield row.value if row is not None else None
    yield line.costs.get("params_m")
    yield line.costs.get("seconds")
    yield (line.run.weights.licence if line.run.weights else "") or "none"
    yield line.seen
    yield entry.weights
    yield entry.budget
    yield statement.made[:10]
    yield statement.tool


def measured(
    value: float | None,
    low: float | None = None,
    high: float | None = None,
) -> Measured | None:
    """A cell with its interval, if there is one; None without a value."""
    if value is None:
        return None
    return Measured(
        value,
        (low, high) if low is not None and high is not None else None,
    )
