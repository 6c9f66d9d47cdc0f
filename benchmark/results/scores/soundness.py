"""Which runs of a store have rows that nothing can be computed with.

SQLite keeps a text where a number is declared, and reads a page with a flipped bit as if it were
whole. A store may also come from anybody. So every row is checked when a store is opened.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["COLUMNS", "damaged_runs", "is_whole"]

COLUMNS = {
    "runs": (
        *("run", "grouping", "evaluation", "system", "input", "weights", "train_dataset"),
        *("dataset", "data_hash", "split", "budget", "status", "checkpoint", "checkpoint_stamp"),
        *("code", "reconstruction", "seed", "number"),
    ),
    "scores": (
        *("run", "profile", "protocol", "metric", "pair", "scene", "flow", "reason"),
        *("flow_weights", "value"),
    ),
    "costs": ("run", "metric", "reason", "measured_on", "value"),
    "versions": ("run", "metric", "version", "scored_by"),
}
"""Tables and columns of a store; the last ones of some are numbers, all others texts."""

_NUMBERS = {"reconstruction": "integer", "seed": "integer", "number": "integer"}
_STATUS = re.compile(r"ok|(seen|not-applicable|failed): .*|failed", re.DOTALL)


def is_whole(connection: sqlite3.Connection) -> bool:
    """Whether SQLite finds all pages of the file in order."""
    with contextlib.suppress(sqlite3.DatabaseError):
        answer: list[tuple[str]] = connection.execute("PRAGMA quick_check(1)").fetchall()
        return answer == [("ok",)]
    return False


def damaged_runs(connection: sqlite3.Connection) -> dict[str, str]:
    """The first damage of each damaged run: table and column."""
    found: dict[str, str] = {}
    for run, *cells in connection.execute(f"SELECT {', '.join(COLUMNS['runs'])} FROM runs"):  # noqa: S608 - fixed names
        problem = _of_run((run, *cells))
        if problem:
            found.setdefault(_readable(run), problem)
    for table in ("scores", "costs", "versions"):
        for run, column in _wrong_cells(connection, table):
            found.setdefault(_readable(run), f"{table}.{column}")
    return found


def _of_run(cells: Sequence[object]) -> str:
    row = dict(zip(COLUMNS["runs"], cells, strict=True))
    for name, value in row.items():
        whole = isinstance(value, int) if name in _NUMBERS else isinstance(value, str)
        if not whole or (isinstance(value, str) and name != "status" and not value.isprintable()):
            return f"runs.{name}"
    run = str(row["run"])
    if not run or run.startswith(".") or Path(run).name != run or "\\" in run:
        return "runs.run"
    if not row["system"]:
        return "runs.system"
    return "" if _STATUS.fullmatch(str(row["status"])) else "runs.status"


def _wrong_cells(connection: sqlite3.Connection, table: str) -> Iterator[tuple[object, str]]:
    """Run and column of every row that has a cell of a wrong kind."""
    case = " ".join(_when(name) for name in COLUMNS[table])
    select = f"SELECT run, CASE {case} END AS wrong FROM {table} WHERE "  # noqa: S608 - fixed names
    try:
        yield from connection.execute(f"{select} wrong IS NOT NULL")
        return
    except sqlite3.DatabaseError:
        runs = [run for (run,) in connection.execute("SELECT run FROM runs")]
    for run in runs:  # a page is damaged: whose rows lie on it?
        try:
            yield from connection.execute(f"{select} run = ? AND wrong IS NOT NULL", [run])
        except sqlite3.DatabaseError:
            yield run, "run"


def _when(name: str) -> str:
    if name == "value":
        return "WHEN typeof(value) NOT IN ('real', 'null') THEN 'value'"
    return f"WHEN typeof({name}) != 'text' THEN '{name}'"


def _readable(run: object) -> str:
    return run if isinstance(run, str) else repr(run)
