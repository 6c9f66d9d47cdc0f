"""The page of one submission: its row of the board, what it states, and the rest folded."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from defocus.benchmark.leaderboard.rows import Row
from defocus.extras.labs.repository.lines import Submission
from defocus.extras.labs.repository.table import (
    LARGE,
    BoardGroups,
    latest_lines,
    lines_table,
    measured,
)
from defocus.extras.labs.statement import Statement, digest
from defocus.progress import counted
from defocus.reports.model import (
    Cell,
    Column,
    Facts,
    Folded,
    Link,
    Page,
    Paragraph,
    Part,
    Table,
)


def submission_page(one: Submission, groups: BoardGroups) -> Page:
    """The board's numbers, what a reader wants to know of the submission, and the rest folded."""
    statement = one.statement
    sections: list[tuple[str, tuple[Part, ...]]] = []
    tables = _board_tables(one, groups)
    if tables:
        sections.append(("On the board", tables))
    runs = counted(len(statement.runs), "run")
    details = (
        Folded("Check", "check", tuple(_check_parts(one)), one.checked),
        Folded("Scores", "scores", tuple(_score_parts(one.rows))),
        Folded("Runs", "runs", (_runs_table(one),), runs),
        Folded("Key, hash and versions", "origin", (_origin(statement),)),
    )
    back = Table.of("The board", ("Page",), ((Link("All labs", "../index.html"),),))
    sections += [
        ("Submission", (_stated(one),)),
        ("Details", details),
        ("Back", (back,)),
    ]
    notice = ""
    if one.problems:
        notice = f"Not on the board: {'; '.join(one.problems)}"
    return Page(f"{one.name}, {statement.lab}", notice, tuple(sections))


def _board_tables(one: Submission, groups: BoardGroups) -> tuple[Part, ...]:
    """The rows of the board that a submission has, by what they are compared with."""
    tables = []
    for group, lines in groups.items():
        mine = [line for line in lines if line.submission is one]
        if mine:
            tables.append(lines_table(group, latest_lines(mine), linked=False))
    return tuple(tables)


def _stated(one: Submission) -> Facts:
    """What the submission says of itself."""
    statement = one.statement
    return Facts(
        "Stated",
        (
            ("Lab", statement.lab),
            ("Made", statement.made),
            ("Checked", one.checked),
            ("Dataset", statement.dataset.name),
            ("Test pictures", str(len(statement.dataset.pairs))),
            ("Seeds", str(statement.seeds)),
            ("Restored pictures", _pictures_words(one)),
        ),
    )


def _origin(statement: Statement) -> Facts:
    """By what the submission and its data can be recognised."""
    dataset = statement.dataset
    return Facts(
        "Origin",
        (
            ("Key", statement.key),
            ("Hash", digest(statement)),
            ("Version", statement.tool),
            ("Revision of the dataset", dataset.content_hash),
            ("Correction", dataset.sidecar or "none"),
        ),
    )


def _pictures_words(one: Submission) -> str:
    inside = any(name.startswith("outputs/") for name in one.statement.files)
    return "in the bundle" if inside else "their hashes alone"


def _check_parts(one: Submission) -> Iterator[Part]:
    record = one.record
    if record is None:
        yield Paragraph(
            "Nobody whom this repository names has scored its pictures again."
        )
        return
    outcome = one.checked
    if record.whole and record.ok:
        outcome = "every score again, and nothing was wrong"
    yield Paragraph(f"Checked on {record.made[:10]} with {record.tool}: {outcome}.")
    for text in dict.fromkeys((*record.findings, *record.notes)):
        yield Paragraph(text)


def _score_parts(rows: Sequence[Row]) -> Iterator[Part]:
    """The scores, and why others could not be computed: each reason once."""
    cells, missing = _cells(rows)
    chosen = ("System", "Protocol", "Metric")
    names = ("System", "Budget", "Protocol", "Metric")
    columns = []
    for name in names:
        choose: Literal["value"] | None = "value" if name in chosen else None
        columns.append(Column(name, choose=choose))
    columns.append(Column("Value", decimals=4))
    columns.append(Column("Pictures", decimals=0))
    yield Table.of("Scores", columns, cells, large=len(cells) > LARGE)
    for reason, metrics in missing.items():
        yield Paragraph(f"{', '.join(sorted(metrics))}: {reason}")


def _cells(rows: Sequence[Row]) -> tuple[list[tuple[Cell, ...]], dict[str, set[str]]]:
    """A row for each score, and the metrics that each reason left without one."""
    cells: list[tuple[Cell, ...]] = []
    missing: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.protocol and row.value is None:
            missing[row.status].add(row.metric)
        elif row.protocol:
            score = measured(row.value, row.ci_low, row.ci_high)
            places = row.system, row.budget, row.protocol, row.metric
            cells.append((*places, score, float(row.images)))
    return cells, missing


def _runs_table(one: Submission) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for run in one.statement.runs:
        entry = run.entry
        weights = run.weights
        rows.append(
            (
                entry.system,
                float(entry.seed),
                entry.weights,
                weights.sha256[:16] if weights else "none",
                (weights.licence if weights else "") or "none",
                ", ".join(weights.trained_on) if weights else "none",
                entry.status,
                f"{run.device}, {run.machine.get('cores', '?')} cores",
            )
        )
    names = (
        "System",
        "Seed",
        "Weights",
        "Hash",
        "Licence",
        "Trained on",
        "Status",
        "Computer",
    )
    columns = tuple(Column(name, decimals=0) for name in names)
    return Table.of("Runs", columns, rows)
