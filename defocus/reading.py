"""Reading of small files that may come from anybody: regular files, in bounded memory.

Pipes, size and damage are a :class:`~defocus.errors.FileError`; an absent file is an ``OSError``.
"""

import contextlib
import csv
import errno
import io
import json
import os
import stat
import tomllib
import zipfile
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, NoReturn, cast

from defocus.errors import DefocusError, FileError

Json = dict[str, Any]
"""An object of a JSON document."""

ARRAY_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    OverflowError,
    SyntaxError,
    TokenError,
    RecursionError,
    MemoryError,
)
"""Errors that NumPy raises for a file that is no ``.npy`` file, or whose header claims what cannot
be."""


MOST_BYTES = 64 * 2**20
"""Size of the largest document that is read, unless a reader allows more."""

BLOCK_BYTES = 2**20

MOST_UNPACKED = 8 * 2**30
FREE_BYTES = 64 * 2**20
MOST_RATIO = 100
"""Largest ratio of unpacked to packed bytes. No real numbers of a camera or a network pack better;
a higher ratio is a decompression bomb."""
_MOST_AT_ONCE = 2**18
"""Largest number of bytes that are read at once where the file itself states how many: a damaged
file may state any number."""
_MOST_IN_ALL = 2**22
"""Largest number of bytes that are read in all where the file itself states how many."""


class FileBytes:
    """The bytes of an open file, read where they are asked for; empty where too many are."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._left = _MOST_IN_ALL

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(self._size)
        if not 0 < end - start <= _MOST_AT_ONCE:
            return b""
        self._left -= end - start
        if self._left < 0:
            raise FileError(
                f"{self._file.name}: is damaged: it refers to itself without end"
            )
        self._file.seek(start)
        return self._file.read(end - start)


_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def require_file(path: Path, most: int | None = None) -> None:
    """Refuse what is not a regular file, or has more than ``most`` bytes, before it is opened."""
    status = path.stat()
    kind = next((name for is_one, name in _KINDS if is_one(status.st_mode)), "")
    if kind:
        raise FileError(f"{path}: {kind}, not a file; give a file")
    if most is not None and status.st_size > most:
        raise FileError(
            f"{path}: {status.st_size} bytes are more than the {most} that are read"
        )


@contextlib.contextmanager
def mapped(path: Path) -> Iterator[bytes]:
    """The bytes of a file, of which only the pages that are looked at are read."""
    require_file(path)
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        yield cast(bytes, content)


def broken_link(path: Path) -> str:
    """Why a link leads to nothing; empty if it leads to a file, or is no link."""
    if not path.is_symlink() or path.exists():
        return ""
    looping = False
    try:
        path.resolve(strict=True)
    except OSError as error:
        looping = error.errno == errno.ELOOP
    except RuntimeError:  # what pathlib makes of it
        looping = True
    goal = "itself" if looping else f"{path.readlink()}, which is not there"
    return f"a link to {goal}; replace it"


def refuse_bomb(
    path: Path,
    unpacked: int,
    most: int = MOST_UNPACKED,
) -> None:
    """Refuse a file that would take far more memory than it has bytes, before it is unpacked."""
    if unpacked > most or unpacked > max(FREE_BYTES, MOST_RATIO * path.stat().st_size):
        raise FileError(
            f"{path}: unpacks to {unpacked} bytes, as a bomb does; nothing was read"
        )


def refuse_zip_bomb(path: Path, most: int = MOST_UNPACKED) -> None:
    """:func:`refuse_bomb` for ZIP files, such as ``.npz``; other files pass."""
    require_file(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(
                path,
                sum(member.file_size for member in archive.infolist()),
                most,
            )


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """An error of the system while a file is read names it, so that none takes it for a write."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file."""
    require_file(path, most)
    with naming(path), path.open("rb") as file:
        # so much memory is asked for
        content = file.read(min(path.stat().st_size, most) + 1)
        while len(content) <= most and (block := file.read(BLOCK_BYTES)):
            content += block  # the system states no size for some files
    if len(content) > most:
        raise FileError(f"{path}: more than the {most} bytes that are read")
    return content


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a regular file in UTF-8, with the line ends of any system as LF."""
    try:
        text = read_bytes(path, most).decode()
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path}: no text in UTF-8 ({error.reason} at byte {error.start})"
        ) from (error)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path, most: int = MOST_BYTES) -> Any:  # noqa: ANN401 - any JSON document
    """The JSON document in a file."""
    text = read_text(path, most)
    try:
        return parse_json(text)
    except ValueError as error:
        raise FileError(f"{path}: no JSON ({error})") from error


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON document
    """A JSON document; NaN, infinity and half of a character are refused by a ValueError."""
    try:
        document = json.loads(text, parse_constant=_refused_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if b"\\ud" in raw.lower():
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half of a character that has two parts") from error
    return document


def _refused_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def read_toml(path: Path) -> dict[str, Any]:
    """The TOML document in a file, without the byte order mark that Windows' Notepad writes."""
    text = read_text(path)
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = (
            "nested too deeply" if isinstance(error, RecursionError) else str(error)
        )
        raise FileError(
            f"{path}: not valid TOML: {reason}; correct that line"
        ) from error


def read_csv(path: Path, *, separators: str = ",") -> list[dict[str, str]]:
    """The rows of a CSV file by the names in its first line; every row has each name once."""
    # A byte order mark is not part of the first name. Of the ``separators``, the one that the first
    # line has most often counts.
    text = read_text(path).removeprefix("\ufeff")
    separator = max(separators, key=text.partition("\n")[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        names = next(lines, [])
        rows = [cells for cells in lines if cells]
    except csv.Error as error:
        raise FileError(f"{path}: no CSV ({error})") from error
    for number, cells in enumerate(rows, 2):
        if len(cells) != len(names):
            raise FileError(
                f"{path}: row {number} has {len(cells)} cells, {len(names)} expected"
            )
    return [dict(zip(names, cells, strict=True)) for cells in rows]


def is_utf8(name: str) -> bool:
    """Whether a file's name is a text that other programs and computers can read."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def intact(
    path: Path,
    advice: str,
    family: type[DefocusError],
    *also: type[Exception],
) -> Iterator[None]:
    """Turn errors that a file's content causes into ours, which call the file damaged."""
    expected: tuple[type[Exception], ...] = (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    )
    try:
        yield
    except (*expected, *also) as error:
        reason = str(error).removeprefix(f"{path}: ")
        what = "cannot be read" if isinstance(error, OSError) else "damaged"
        raise family(f"{path}: {what} ({reason}); {advice}") from error
