"""Scores of one run as an array, and which runs have rows that cannot be used.

All rows are checked: SQLite keeps texts as numbers, and a store may come from anybody."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defocus.reading import parse_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMNS = {
    "runs": (
        *(
            "run",
            "grouping",
            "evaluation",
            "system",
            "input",
            "weights",
            "train_dataset",
        ),
        *(
            "dataset",
            "data_hash",
            "split",
            "budget",
            "status",
            "checkpoint",
            "checkpoint_stamp",
        ),
        *("code", "reconstruction", "seed", "number"),
    ),
    "scores": (
        *("run", "profile", "protocol", "metric", "pair", "scene", "flow", "reason"),
        *("flow_weights", "value"),
    ),
    "costs": ("run", "metric", "reason", "measured_on", "value"),
    "versions": ("run", "metric", "version", "scored_by"),
}
"""Tables of a store and their columns. In some tables the last columns are numbers; all other
columns are texts."""

_NUMBERS = {"reconstruction": "integer", "seed": "integer", "number": "integer"}
_STATUS = re.compile(r"ok|(seen|not-applicable|failed): .*|failed", re.DOTALL)


def is_whole(connection: sqlite3.Connection) -> bool:
    """Whether SQLite finds all pages of the file in order."""
    with contextlib.suppress(sqlite3.DatabaseError):
        answer: list[tuple[str]] = connection.execute(
            "PRAGMA quick_check(1)"
        ).fetchall()
        return answer == [("ok",)]
    return False


def has_queries(connection: sqlite3.Connection) -> bool:
    """Whether a view or a virtual table is there, whose query a reader of it would run."""
    rows: list[tuple[str, str | None]] = connection.execute(
        "SELECT type, sql FROM sqlite_master"
    ).fetchall()
    return any(
        kind == "view" or str(statement).upper().startswith("CREATE VIRTUAL")
        for kind, statement in rows
    )


def damaged_runs(connection: sqlite3.Connection) -> dict[str, str]:
    """The first damage of each damaged run: table and column."""
    damages: dict[str, str] = {}
    columns = ", ".join(COLUMNS["runs"])
    query = f"SELECT {columns} FROM runs"  # noqa: S608 - fixed names
    for row in connection.execute(query):
        problem = _of_run(row)
        if problem:
            damages.setdefault(_readable(row[0]), problem)
    for table in ("scores", "costs", "versions"):
        for run, column in _wrong_cells(connection, table):
            damages.setdefault(_readable(run), f"{table}.{column}")
    return damages


def _of_run(cells: Sequence[object]) -> str:
    """The first damaged column of a run; empty if there is none."""
    row = dict(zip(COLUMNS["runs"], cells, strict=True))
    for name, value in row.items():
        if name in _NUMBERS:
            is_sound = isinstance(value, int)
        elif name == "status":
            is_sound = isinstance(value, str)
        else:
            is_sound = isinstance(value, str) and value.isprintable()
        if not is_sound:
            return f"runs.{name}"
    run = str(row["run"])
    if not run or run.startswith(".") or Path(run).name != run or "\\" in run:
        return "runs.run"
    if not row["system"]:
        return "runs.system"
    return "" if _STATUS.fullmatch(str(row["status"])) else "runs.status"


def _wrong_cells(
    connection: sqlite3.Connection,
    table: str,
) -> Iterator[tuple[object, str]]:
    """Run and column of every row that has a cell of a wrong kind."""
    case = " ".join(_when(name) for name in COLUMNS[table])
    select = f"SELECT run, CASE {case} END AS wrong FROM {table} WHERE "  # noqa: S608 - fixed names
    try:
        yield from connection.execute(f"{select} wrong IS NOT NULL")
        return
    except sqlite3.DatabaseError:
        runs = [run for (run,) in connection.execute("SELECT run FROM runs")]
    for run in runs:  # a page is damaged: whose rows are on it?
        try:
            yield from connection.execute(
                f"{select} run = ? AND wrong IS NOT NULL", [run]
            )
        except sqlite3.DatabaseError:
            yield run, "run"


def _when(name: str) -> str:
    if name == "value":
        return "WHEN typeof(value) NOT IN ('real', 'null') THEN 'value'"
    return f"WHEN typeof({name}) != 'text' THEN '{name}'"


def _readable(run: object) -> str:
    return run if isinstance(run, str) else repr(run)


Where = tuple[str, str, str]
"""Profile, protocol and metric."""


@dataclass(frozen=True)
class Score:
    """The score of one picture; a missing value has a reason, and a target's flow its estimator."""

    profile: str
    protocol: str
    metric: str
    pair: str
    scene: str
    value: float | None
    flow: str = ""
    reason: str = ""
    flow_weights: str = ""

    @property
    def where(self) -> Where:
        """Key of the line of a matrix to which it belongs."""
        return self.profile, self.protocol, self.metric


@dataclass(frozen=True)
class MatrixLine:
    """Key of a line of a matrix; ``reason`` is the first stored one for missing values."""

    profile: str
    protocol: str
    metric: str
    flow: str = ""
    flow_weights: str = ""
    reason: str = ""

    @property
    def where(self) -> Where:
        """Profile, protocol and metric of the scores, by which they are found."""
        return self.profile, self.protocol, self.metric


@dataclass(frozen=True)
class ScoreMatrix:
    """Scores of one run: ``values`` is ``(places, pictures)`` float64, NaN where one is missing."""

    pictures: tuple[tuple[str, str], ...]
    places: tuple[MatrixLine, ...]
    values: "NDArray[np.float64]"


def score_matrix(scores: Sequence[Score]) -> ScoreMatrix:
    """Arrange the scores of one run."""
    import numpy as np

    pictures = sorted({(score.pair, score.scene) for score in scores if score.pair})
    column_of = {picture: number for number, picture in enumerate(pictures)}
    facts = _lines_of(scores)
    places = sorted(facts)
    line_of = {where: number for number, where in enumerate(places)}
    values = np.full((len(places), len(pictures)), np.nan)
    for score in scores:
        if score.value is not None and score.pair:
            line = line_of[score.where]
            column = column_of[score.pair, score.scene]
            values[line, column] = score.value
    lines = tuple(facts[where] for where in places)
    return ScoreMatrix(tuple(pictures), lines, values)


def _lines_of(scores: Iterable[Score]) -> dict[Where, MatrixLine]:
    """The lines of some scores; each has the first flow and reason that there are."""
    lines: dict[Where, MatrixLine] = {}
    for score in scores:
        where = score.where
        earlier = lines.get(where, MatrixLine(*where))
        lines[where] = MatrixLine(
            *where,
            earlier.flow or score.flow,
            earlier.flow_weights or score.flow_weights,
            earlier.reason or score.reason,
        )
    return lines


def pack(matrix: ScoreMatrix) -> tuple[str, bytes]:
    """Encode a matrix: names as JSON, values as little-endian float64."""
    places = list(map(astuple, matrix.places))
    names = json.dumps([matrix.pictures, places], separators=(",", ":"))
    values = matrix.values.astype("<f8")
    return names, values.tobytes()


def unpack(names: object, values: object) -> ScoreMatrix | None:
    """Decode what :func:`pack` encoded, without loss; None if it is damaged."""
    import numpy as np

    pictures: Any
    places: Any
    try:
        pictures, places = parse_json(names) if isinstance(names, str) else (None, None)
        if not (
            _all_texts(pictures, 2) and _all_texts(places, len(fields(MatrixLine)))
        ):
            return None
        array: NDArray[Any] = np.frombuffer(values, "<f8").reshape(  # type: ignore[call-overload]
            len(places), len(pictures)
        )
    except (TypeError, ValueError):
        return None
    return ScoreMatrix(
        tuple((pair, scene) for pair, scene in pictures),
        tuple(MatrixLine(*each) for each in places),
        array,
    )


def _all_texts(rows: object, length: int) -> bool:
    """Whether these are lists of ``length`` texts each."""
    if not isinstance(rows, list):
        return False
    for row in rows:
        if not isinstance(row, list) or len(row) != length:
            return False
        if not all(isinstance(text, str) for text in row):
            return False
    return True
