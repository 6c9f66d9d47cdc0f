"""Connections to the file of a store, with errors in our words."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from defocus.errors import InputError, StorageError
from defocus.reading import require_file

__all__ = ["connected", "refuse_other_files", "translated"]


def connected(
    address: Path | str, *, uri: bool = False, check_same_thread: bool = True
) -> sqlite3.Connection:
    """A connection for which bytes that are no UTF-8 are a text that can be shown."""
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
            f"{path}: not a usable results file ({error}); move it away to start anew"
        ) from error
