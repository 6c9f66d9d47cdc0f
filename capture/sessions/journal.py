"""The append-only journal of a session: one JSON object per line, each with a CRC, each synced.

A power cut can only tear the last line: that one is ignored, damage before it is an error."""

import contextlib
import json
import os
import shlex
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from defocus.errors import DatasetError, FileError, storage_error
from defocus.reading import Json, read_bytes
from defocus.storage.files import storing, sync_folder

Record = Mapping[str, Any]
"""One journal line without its CRC: ``n`` (from 1), ``time`` (UTC), ``event`` and its fields."""

Listener = Callable[[Record], None]

MOST_BYTES = 2**30

COPIES = ("journal-copies/1.jsonl", "journal-copies/2.jsonl")
"""Copies of a session's journal, in its folder."""

_HEAD = '{"crc32":"'
_HEAD_LENGTH = len(_HEAD) + 8 + len('",')


@dataclass(frozen=True)
class JournalContent:
    """Complete lines of a journal, where the last ends, and the length of a torn one after it."""

    records: tuple[Record, ...]
    valid_bytes: int
    torn_bytes: int


def encode_record(record: Record) -> bytes:
    """Encode a record as a journal line, with CRC and line end."""
    body = json.dumps(
        record, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )[1:]
    return f'{_HEAD}{zlib.crc32(body.encode()):08x}",{body}\n'.encode()


def decode_line(line: bytes) -> Json | None:
    """Decode a line without its line end; None if the CRC or the JSON is wrong."""
    body = line[_HEAD_LENGTH:]
    if not line.startswith(_HEAD.encode()) or line[len(_HEAD) : _HEAD_LENGTH] != (
        f'{zlib.crc32(body):08x}",'.encode()
    ):
        return None
    try:
        record: Json = json.loads(b"{" + body)
    except (ValueError, RecursionError):
        return None  # nothing that we wrote: bad JSON, a number of 5,000 digits, endless brackets
    return record


def read_journal(path: Path) -> JournalContent:
    """Read a journal; a torn last line is left out and counted, damage before it is an error."""
    content = _content(path)
    records: list[Record] = []
    valid_bytes = 0
    lines = content.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        record = decode_line(line)
        if record is None or record.get("n") != number:
            last = number == len(lines) - 1 and not lines[-1]
            if last and not _was_whole(path, number):
                break  # the last line: torn by a crash that left its line end, or half its blocks
            raise DatasetError(
                f"{path}: line {number} is damaged; run 'defocus-capture check --repair "
                f"{shlex.quote(str(path.parent))}'"
            )
        records.append(record)
        valid_bytes += len(line) + 1
    return JournalContent(tuple(records), valid_bytes, len(content) - valid_bytes)


def _content(path: Path) -> bytes:
    """The bytes of a journal."""
    try:
        content = read_bytes(path, MOST_BYTES)
    except FileError as error:
        raise DatasetError(f"{error}; is it a session folder?") from error
    except FileNotFoundError as error:
        raise DatasetError(
            f"{path.parent} is not a session: it has no {path.name}; check the path"
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{path}: the journal cannot be read ({error.strerror}); is it a session folder?"
        ) from error
    return content


def copies_of(root: Path) -> list[Path]:
    """The copies of a session's journal that exist, the newest first."""
    copies = filter(Path.is_file, map(root.joinpath, COPIES))
    return sorted(copies, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _was_whole(path: Path, number: int) -> bool:
    """Whether a copy of a journal has a line: then it was written, and damaged later."""
    for copy in copies_of(path.parent):
        with contextlib.suppress(OSError, FileError):
            lines = read_bytes(copy, MOST_BYTES).split(b"\n")[:-1]
            if len(lines) >= number and decode_line(lines[number - 1]) is not None:
                return True
    return False


class Journal:
    """A journal open for appending; only the holder of the session's lock may have one."""

    def __init__(self, path: Path, listener: Listener | None = None) -> None:
        """Open or create a journal; a torn last line of ``torn_bytes`` is removed."""
        existing = read_journal(path) if path.exists() else JournalContent((), 0, 0)
        self._path = path
        self._listener = listener
        self.records: list[Record] = list(existing.records)
        self.torn_bytes = existing.torn_bytes
        with storing(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            os.ftruncate(self._descriptor, existing.valid_bytes)
            sync_folder(path.parent)
        self._length = existing.valid_bytes

    def append(self, event: str, **fields: Any) -> Record:  # noqa: ANN401 - any JSON values
        """Write one line and sync it to disk; after ``StorageError`` the journal is unchanged."""
        if os.fstat(self._descriptor).st_size != self._length:
            self._catch_up()
        record = {
            "n": len(self.records) + 1,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            **fields,
        }
        line = encode_record(record)
        try:
            _write_all(self._descriptor, line, self._length)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._length)
            raise storage_error(error, self._path) from error
        self.records.append(record)
        self._length += len(line)
        if self._listener is not None:
            self._listener(record)
        return record

    def _catch_up(self) -> None:
        """Recover from an interrupted :meth:`append` by reading the file."""
        existing = read_journal(self._path)
        os.ftruncate(self._descriptor, existing.valid_bytes)
        self.records = list(existing.records)
        self._length = existing.valid_bytes

    def close(self) -> None:
        """Close the file; every line is already on disk."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write_all(descriptor: int, content: bytes, offset: int) -> None:
    """Write at ``offset``, continuing after short writes; a full disk raises on the second try."""
    os.lseek(descriptor, offset, os.SEEK_SET)
    while content:
        content = content[os.write(descriptor, content) :]
