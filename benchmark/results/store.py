"""Store of a study: per-image scores in SQLite, from which all tables are derived.

Each run is stored in one transaction, so a killed run is stored completely or not at all."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from defocus.benchmark.results.score_matrix import (
    MatrixLine,
    Score,
    ScoreMatrix,
    damaged_runs,
    has_queries,
    is_whole,
    pack,
    score_matrix,
    unpack,
)
from defocus.errors import DefocusError, InputError, StorageError
from defocus.progress import say, warn_once
from defocus.reading import require_file
from defocus.storage.files import storing, sync_folder

FORMAT = 2
"""Format of the store, kept in SQLite's ``user_version``. A store of another format is refused."""

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, grouping TEXT, evaluation TEXT, system TEXT, input TEXT, weights TEXT,
    reconstruction INTEGER, train_dataset TEXT, dataset TEXT, data_hash TEXT, split TEXT,
    budget TEXT, seed INTEGER, status TEXT, checkpoint TEXT, checkpoint_stamp TEXT, code TEXT,
    number INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scores (
    run TEXT, profile TEXT, protocol TEXT, metric TEXT, pair TEXT, scene TEXT,
    value REAL, flow TEXT, reason TEXT, flow_weights TEXT,
    PRIMARY KEY (run, profile, protocol, metric, pair)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS costs (
    run TEXT, metric TEXT, value REAL, reason TEXT, measured_on TEXT,
    PRIMARY KEY (run, metric)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (
    run TEXT, metric TEXT, version TEXT, scored_by TEXT,
    PRIMARY KEY (run, metric)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS matrices (
    run TEXT PRIMARY KEY, names TEXT, score_values BLOB
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS stale_insert AFTER INSERT ON scores
    BEGIN DELETE FROM matrices WHERE run = new.run; END;
CREATE TRIGGER IF NOT EXISTS stale_update AFTER UPDATE ON scores
    BEGIN DELETE FROM matrices WHERE run IN (old.run, new.run); END;
CREATE TRIGGER IF NOT EXISTS stale_delete AFTER DELETE ON scores
    BEGIN DELETE FROM matrices WHERE run = old.run; END;
"""
"""``matrices`` repeats ``scores`` in a form that is read a hundred times as fast; the triggers drop
what no longer does. ``versions`` holds what computed the scores of a run and a metric, which all
their lines share."""


def connected(
    address: Path | str,
    *,
    uri: bool = False,
    check_same_thread: bool = True,
) -> sqlite3.Connection:
    """A connection for which bytes that are not UTF-8 are a text that can be shown."""
    connection = sqlite3.connect(
        address,
        timeout=30,
        uri=uri,
        check_same_thread=check_same_thread,
    )
    connection.text_factory = lambda content: content.decode(
        "utf-8", "backslashreplace"
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA synchronous = FULL")  # some systems ship less for logs
    return connection


def refuse_other_files(path: Path) -> None:
    """Refuse a pipe, a device or a folder, which SQLite would wait for or call a full disk."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        require_file(path)


_DISK_TROUBLE = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and run the same command again",
    sqlite3.SQLITE_IOERR: "the disk does not take it; is it full?",
    sqlite3.SQLITE_READONLY: "it cannot be written; choose another --out",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; is the disk full or the folder not writable?",
}


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; a full disk is told apart from a damaged file."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # of damaged names
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in _DISK_TROUBLE:
            raise StorageError(f"cannot write {path}: {_DISK_TROUBLE[code]}") from error
        raise InputError(
            f"{path}: not a usable results file ({error}); move it away to start again"
        ) from error


def make_tables(connection: sqlite3.Connection) -> None:
    """Create the tables of a new store."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
        connection.execute("PRAGMA journal_mode = WAL")
        # one transaction: a killed process leaves no half-made store
        connection.executescript(f"{_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")


def require_format(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a store of another format."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    if number > FORMAT:
        raise InputError(
            f"{path}: made by a newer defocus (store format {number}, this one knows {FORMAT}); "
            "upgrade defocus, or choose another --out"
        )
    if number < FORMAT:
        raise InputError(
            f"{path}: made by an earlier defocus (store format {number}, this one has {FORMAT}); "
            "move its folder away or choose another --out, and run the study again"
        )


SECONDS = ("seconds", "seconds_q1", "seconds_q3", "seconds_mp")
"""Median and quartiles of the seconds per picture, and the median per megapixel."""

COSTS = ("params_m", "macs_g", "peak_mib", *SECONDS)
"""Costs of a system: million parameters, billion multiply-adds, MiB besides weights, seconds."""

CUSTOM = "custom"
"""The budget of runs whose schedule a person has changed: they are compared with no other budget's
runs."""

ELSEWHERE = "elsewhere"
"""Name of the weights of pictures that were restored elsewhere; no other weights are compared with
them."""

NOT_TRAINED = "not-trained-here"
"""The budget of whatever was not trained here, such as shipped weights and classical systems."""

NARROW = "narrow"
"""Weights of a narrow copy: the system's layers with few channels, as the budget demo trains."""

SCRATCH = "from scratch"
"""First words of the weights of a whole network that the budget demo trained; its steps follow."""

STORE = "results.sqlite"  # in a study's folder


@dataclass(frozen=True)
class Entry:
    """One evaluated run."""

    # ``grouping`` is the id without its seed. ``weights`` is ``trained``, ``official``, ``own``,
    # ``none``, ``NARROW``, ``SCRATCH`` with the steps, or ``ELSEWHERE``. ``budget`` is
    # ``CUSTOM`` if the schedule was changed, ``NOT_TRAINED`` without a training. ``status``
    # is ``ok``, or ``seen``, ``not-applicable`` or ``failed`` with a reason. ``checkpoint_stamp``
    # is size and modification time, to recognise the file unread.

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
    code: str = ""

    @property
    def scored(self) -> bool:
        """Whether the run has scores."""
        return self.status == "ok" or self.status.startswith("seen: ")

    @property
    def failed(self) -> bool:
        """Whether the run ended in an error, so that it may be tried again."""
        return self.status.startswith("failed")


@dataclass(frozen=True)
class MetricVersion:
    """The version that computed all scores of a run for one metric, and the package's."""

    metric: str
    version: str
    scored_by: str


@dataclass(frozen=True)
class Cost:
    """One cost of a run; ``metric`` is one of :data:`COSTS`."""

    metric: str
    value: float | None
    reason: str = ""
    measured_on: str = ""


Kind = type[Score] | type[Cost] | type[MetricVersion]


def _columns_of(kind: Kind | type[Entry]) -> list[str]:
    """The columns of a table, which are the fields of its lines."""
    return [field.name for field in fields(kind)]


class Results:
    """The open store; get one from :func:`open_results`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        with translated(path):
            self._damaged = damaged_runs(connection)
        for run, place in sorted(self._damaged.items()):
            say(
                f"{path}: {place} of the run {run} is damaged; the run is left out, "
                f"'defocus-bench run --out {path.parent}' computes it again"
            )

    def record(
        self,
        entry: Entry,
        scores: Iterable[Score] = (),
        costs: Iterable[Cost] = (),
        versions: Iterable[MetricVersion] = (),
        *,
        in_place: bool = False,
    ) -> None:
        """Store one evaluated run in one transaction, replacing its earlier results."""
        # It becomes the last run, unless it is kept in the place that it has.
        with translated(self._path), self._connection as transaction:
            mine = "SELECT number FROM runs WHERE run = ?"
            kept = in_place and transaction.execute(mine, [entry.run]).fetchone()
            self._remove(entry.run)
            row = (*astuple(entry), *(kept or self._next_number()))
            marks = ", ".join("?" * len(row))
            transaction.execute(f"INSERT INTO runs VALUES ({marks})", row)  # noqa: S608 - question marks
            lines = list(scores)
            self._insert("INSERT INTO scores", Score, entry.run, lines)
            self._insert("INSERT INTO costs", Cost, entry.run, costs)
            self._insert("INSERT INTO versions", MetricVersion, entry.run, versions)
            self._damaged.pop(entry.run, None)
            if lines:  # last: what comes after it would drop it
                packed = (entry.run, *pack(score_matrix(lines)))
                transaction.execute("INSERT INTO matrices VALUES (?, ?, ?)", packed)

    def _next_number(self) -> tuple[int]:
        last = self._connection.execute("SELECT coalesce(max(number), 0) FROM runs")
        (number,) = last.fetchone()
        return (number + 1,)

    def _remove(self, run: str) -> None:
        for table in ("runs", "scores", "costs", "versions"):
            self._connection.execute(f"DELETE FROM {table} WHERE run = ?", [run])  # noqa: S608 - fixed names

    def forget(self, run: str) -> None:
        """Remove all that is stored of a run."""
        with translated(self._path), self._connection:
            self._remove(run)

    def store_costs(self, run: str, costs: Iterable[Cost]) -> None:
        """Store some costs of a stored run in place of those of the same names."""
        with translated(self._path), self._connection:
            self._insert("REPLACE INTO costs", Cost, run, costs)

    def move_last(self, run: str) -> None:
        """Let a stored run be the last one, as if it had just been recorded."""
        with translated(self._path), self._connection as transaction:
            last = "(SELECT max(number) + 1 FROM runs)"
            transaction.execute(f"UPDATE runs SET number = {last} WHERE run = ?", [run])  # noqa: S608 - fixed names

    def entries(self) -> list[Entry]:
        """All evaluated runs without the damaged ones, the last recorded or moved one last."""
        names = ", ".join(_columns_of(Entry))
        rows = self._select(f"{names} FROM runs ORDER BY number")
        return [Entry(*row) for row in rows if self._sound(row[0])]

    def entries_by_run(self) -> dict[str, Entry]:
        """The same by the id of their run."""
        return {entry.run: entry for entry in self.entries()}

    def _sound(self, run: object) -> bool:
        return isinstance(run, str) and run not in self._damaged

    def _insert(self, into: str, kind: Kind, run: str, lines: Iterable[Any]) -> None:
        columns = _columns_of(kind)
        marks = ", ".join("?" * (1 + len(columns)))
        names = ", ".join(("run", *columns))
        rows = [(run, *astuple(line)) for line in lines]
        self._connection.executemany(f"{into} ({names}) VALUES ({marks})", rows)

    def _select(self, what: str, *values: object) -> list[Any]:
        with translated(self._path):
            return self._connection.execute(f"SELECT {what}", values).fetchall()

    def _of_run(self, table: str, kind: Kind, run: str, order: str) -> list[Any]:
        names = ", ".join(_columns_of(kind))
        rows = self._select(f"{names} FROM {table} WHERE run = ? ORDER BY {order}", run)
        return [kind(*row) for row in rows]

    def scores(self, run: str) -> list[Score]:
        """The scores of one run, by profile, protocol, metric and pair."""
        return self._of_run("scores", Score, run, "profile, protocol, metric, pair")

    def unscored(self, run: str, place: MatrixLine) -> list[tuple[str, str]]:
        """The pictures of one run without a value of one score, each with the reason."""
        return self._select(
            "pair, reason FROM scores WHERE run = ? AND profile = ? AND protocol = ? "
            "AND metric = ? AND pair != '' AND value IS NULL ORDER BY pair",
            *(run, place.profile, place.protocol, place.metric),
        )

    def without_value(self, run: str, begin: str) -> list[tuple[str, str]]:
        """The pictures of one run without a value for a reason that begins so, each once."""
        return self._select(
            "pair, min(reason) FROM scores WHERE run = ? AND pair != '' "
            "AND value IS NULL AND substr(reason, 1, ?) = ? GROUP BY pair ORDER BY pair",
            *(run, len(begin), begin),
        )

    def lacking(self) -> list[tuple[str, str, str]]:
        """Run, metric and reason of scores without a value, each once."""
        rows = self._select(
            "DISTINCT run, metric, reason FROM scores WHERE value IS NULL "
            "AND run IN (SELECT run FROM runs)"
        )
        return [row for row in rows if self._sound(row[0])]

    def versions(self, run: str) -> dict[str, MetricVersion]:
        """The versions that computed the scores of one run, by metric."""
        return {
            one.metric: one
            for one in self._of_run("versions", MetricVersion, run, "metric")
        }

    def matrix(self, run: str) -> ScoreMatrix:
        """The scores of one run as an array."""
        packed = self._select("names, score_values FROM matrices WHERE run = ?", run)
        matrix = unpack(*packed[0]) if packed else None
        return matrix or score_matrix(self.scores(run))

    def costs(self, run: str) -> list[Cost]:
        """The costs of one run, by name."""
        return self._of_run("costs", Cost, run, "metric")


@contextlib.contextmanager
def open_results(path: Path) -> Iterator[Results]:
    """Open the store; create it if absent."""
    refuse_other_files(path)
    _mend(path)
    with translated(path):
        connection = connected(path)
    try:
        with translated(path):
            make_tables(connection)
            require_format(path, connection)
        yield Results(path, connection)
    finally:
        with translated(path):
            connection.close()


@contextlib.contextmanager
def read_results(path: Path) -> Iterator[Results]:
    """Read a copy of the store into memory; its folder is not changed."""
    refuse_other_files(path)
    if not path.is_file():
        raise InputError(
            f"{path}: no results there; give the --out of a 'defocus-bench run'"
        )
    # without a log beside it nobody writes, and a reader needs no files
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    with contextlib.closing(connected(":memory:", check_same_thread=False)) as copy:
        with translated(path):
            address = f"{path.absolute().as_uri()}?{mode}"
            with contextlib.closing(connected(address, uri=True)) as stored:
                stored.backup(copy)
            if has_queries(copy):
                raise InputError(
                    f"{path}: no store of results: it has a view or a virtual table"
                )
            make_tables(copy)
            require_format(path, copy)
            if not is_whole(copy):
                warn_once(
                    f"{path}: it is partly damaged; the intact runs are shown, and 'run' repairs it"
                )
        yield Results(path, copy)


def _mend(path: Path) -> None:
    """Replace a store with damaged pages by its sound runs; the old file stays next to it."""
    if not path.exists() or path.stat().st_size == 0:
        return
    new = path.with_name(f"{path.name}.mended")
    with translated(path), contextlib.closing(connected(path)) as connection:
        if is_whole(connection):
            return
        require_format(path, connection)
        new.unlink(missing_ok=True)
        _copy_sound_runs(Results(path, connection), new)
    with storing(path):
        aside = path.replace(path.with_name(f"{path.name}.damaged"))
        log = path.with_name(f"{path.name}-wal")
        # is gone unless another process has it open
        with contextlib.suppress(FileNotFoundError):
            log.replace(aside.with_name(f"{aside.name}-wal"))
        new.replace(path)
        sync_folder(path.parent)
    say(
        f"{path}: it was partly damaged and is renamed to {aside.name}; its intact runs are kept"
    )


def _copy_sound_runs(damaged: Results, path: Path) -> None:
    """Write the runs that can be read into a new store; the others are computed again."""
    with open_results(path) as mended:
        for entry in damaged.entries():
            with contextlib.suppress(DefocusError):
                versions = damaged.versions(entry.run).values()
                scores = damaged.scores(entry.run)
                costs = damaged.costs(entry.run)
                mended.record(entry, scores, costs, versions)
