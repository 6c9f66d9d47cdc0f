"""The store of a study: per-image scores in SQLite, the truth that all tables derive from.

One transaction per run: a killed run is fully there or not at all.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from defocus.errors import InputError, StorageError

__all__ = ["COSTS", "CUSTOM", "Cost", "Entry", "Results", "Score", "open_results"]

COSTS = ("params_m", "macs_g", "seconds")
"""What a system costs: million parameters, billion multiply-adds and seconds of one picture."""

CUSTOM = "custom"
"""The budget of runs whose schedule a person has changed: they count as no other budget's."""


@dataclass(frozen=True)
class Entry:
    """One evaluated run.

    Attributes:
        run: Id of the run.
        grouping: The run without its seed.
        evaluation: Version of the code and choices that scored it.
        system: Name.
        input: ``single`` or ``dual``.
        weights: ``trained``, ``official`` or ``none``.
        reconstruction: 1 where the card says that only an abstract is public.
        train_dataset: Name, empty where nothing was trained.
        dataset: Name.
        data_hash: Content hash of the dataset.
        split: That was evaluated.
        budget: Of the training; :data:`CUSTOM` where its schedule was changed.
        seed: Of the training.
        status: ``ok``, ``seen: reason`` (scored, but scenes may be of the training set),
            ``not-applicable: reason`` or ``failed: reason``.
        checkpoint: SHA-256 of the checkpoint file, empty where nothing was trained.
        checkpoint_stamp: Size and time of that file, to know it without reading it.
    """

    run: str
    grouping: str
    evaluation: str
    system: str
    input: str
    weights: str
    reconstruction: int
    train_dataset: str
    dataset: str
    data_hash: str
    split: str
    budget: str
    seed: int
    status: str
    checkpoint: str = ""
    checkpoint_stamp: str = ""

    @property
    def scored(self) -> bool:
        """Whether there are scores."""
        return self.status == "ok" or self.status.startswith("seen: ")

    @property
    def failed(self) -> bool:
        """Whether the run ended in an error, which a repetition may cure."""
        return self.status.startswith("failed")


@dataclass(frozen=True)
class Score:
    """The score of one picture.

    Attributes:
        profile, protocol, metric: What was computed.
        pair, scene: Of which picture.
        value: None where it cannot be computed.
        flow: Estimator behind the target, empty for none.
        reason: Why there is no value, else empty.
    """

    profile: str
    protocol: str
    metric: str
    pair: str
    scene: str
    value: float | None
    flow: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Cost:
    """One cost of a run; ``metric`` is of :data:`COSTS`."""

    metric: str
    value: float | None
    reason: str = ""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, grouping TEXT, evaluation TEXT, system TEXT, input TEXT, weights TEXT,
    reconstruction INTEGER, train_dataset TEXT, dataset TEXT, data_hash TEXT, split TEXT,
    budget TEXT, seed INTEGER, status TEXT, checkpoint TEXT, checkpoint_stamp TEXT,
    number INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scores (
    run TEXT, profile TEXT, protocol TEXT, metric TEXT, pair TEXT, scene TEXT,
    value REAL, flow TEXT, reason TEXT,
    PRIMARY KEY (run, profile, protocol, metric, pair)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS costs (
    run TEXT, metric TEXT, value REAL, reason TEXT, PRIMARY KEY (run, metric)
) WITHOUT ROWID;
"""


class Results:
    """The open store; get one from :func:`open_results`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def record(
        self, entry: Entry, scores: Iterable[Score] = (), costs: Iterable[Cost] = ()
    ) -> None:
        """Store one evaluated run in place of what it had before, in one transaction.

        Raises:
            StorageError: The disk is full or not writable; nothing is changed then.
        """
        with _translated(self._path), self._connection as transaction:
            for table in ("runs", "scores", "costs"):
                transaction.execute(f"DELETE FROM {table} WHERE run = ?", [entry.run])  # noqa: S608 - fixed names
            marks = ", ".join("?" for _ in fields(Entry))
            transaction.execute(
                f"INSERT INTO runs SELECT {marks}, coalesce(max(number), 0) + 1 FROM runs",  # noqa: S608 - question marks
                astuple(entry),
            )
            transaction.executemany(
                "INSERT INTO scores (run, profile, protocol, metric, pair, scene, value, flow, "
                "reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(entry.run, *astuple(score)) for score in scores],
            )
            transaction.executemany(
                "INSERT INTO costs VALUES (?, ?, ?, ?)",
                [(entry.run, *astuple(cost)) for cost in costs],
            )

    def entries(self) -> list[Entry]:
        """All evaluated runs, in the order in which they were recorded."""
        names = ", ".join(field.name for field in fields(Entry))
        with _translated(self._path):
            rows = self._connection.execute(f"SELECT {names} FROM runs ORDER BY number")  # noqa: S608 - fixed names
            return [Entry(*row) for row in rows]

    def scores(self, run: str) -> list[Score]:
        """The scores of one run, by profile, protocol, metric and pair."""
        with _translated(self._path):
            rows = self._connection.execute(
                "SELECT profile, protocol, metric, pair, scene, value, flow, reason FROM scores "
                "WHERE run = ? ORDER BY profile, protocol, metric, pair",
                [run],
            )
            return [Score(*row) for row in rows]

    def costs(self, run: str) -> list[Cost]:
        """The costs of one run, by name."""
        with _translated(self._path):
            rows = self._connection.execute(
                "SELECT metric, value, reason FROM costs WHERE run = ? ORDER BY metric", [run]
            )
            return [Cost(*row) for row in rows]


@contextlib.contextmanager
def open_results(path: Path) -> Iterator[Results]:
    """Open the store, made where absent.

    Raises:
        StorageError: The disk is full or the file not writable.
        InputError: The file is damaged or no such store.
    """
    with _translated(path):
        connection = sqlite3.connect(path, timeout=30)
    try:
        with _translated(path):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        yield Results(path, connection)
    finally:
        with _translated(path):
            connection.close()


_DISK_TROUBLE = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and run the same command again",
    sqlite3.SQLITE_IOERR: "the disk does not take it; is it full?",
    sqlite3.SQLITE_READONLY: "it cannot be written; choose another --out",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; is the disk full or the folder not writable?",
}


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours: a full disk is told apart from a damaged file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in _DISK_TROUBLE:
            raise StorageError(f"cannot write {path}: {_DISK_TROUBLE[code]}") from error
        raise InputError(
            f"{path}: not a usable results file ({error}); move it away to start anew"
        ) from error
