"""Connections to the file of a store and its tables, with errors in our words."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from defocus.errors import InputError, StorageError
from defocus.reading import require_file

FORMAT = 2
"""Of the store, kept in SQLite's ``user_version``. A store of another format is refused."""

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
    address: Path | str, *, uri: bool = False, check_same_thread: bool = True
) -> sqlite3.Connection:
    """A connection for which bytes that are not UTF-8 are a text that can be shown."""
    connection = sqlite3.connect(address, timeout=30, uri=uri, check_same_thread=check_same_thread)
    connection.text_factory = lambda content: content.decode("utf-8", "backslashreplace")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA synchronous = FULL")  # some systems ship less for logs
    return connection


def refuse_other_files(path: Path) -> None:
    """Refuse a pipe, a device or a folder, which SQLite would wait for or call a full disk."""
    with contextlib.suppress(FileNotFoundError):
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
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > FORMAT:
        raise InputError(
            f"{path}: made by a newer defocus (store format {found}, this one knows {FORMAT}); "
            "upgrade defocus, or choose another --out"
        )
    if found < FORMAT:
        raise InputError(
            f"{path}: made by an earlier defocus (store format {found}, this one has {FORMAT}); "
            "move its folder away or choose another --out, and run the study again"
        )
