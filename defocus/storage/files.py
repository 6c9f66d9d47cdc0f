"""Atomic writing of files, hashes and locks of files."""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from defocus.errors import storage_error
from defocus.reading import naming, require_file


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """An ``OSError`` of the block is the ``StorageError`` of a write to ``path``."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def is_elsewhere(error: OSError, folder: Path) -> bool:
    """Whether an error names a file that is not below a folder, such as one that was read."""
    if not isinstance(error.filename, str | bytes):
        return False
    return (
        not Path(os.fsdecode(error.filename))
        .absolute()
        .is_relative_to(folder.absolute())
    )


def make_folder(path: Path) -> Path:
    """Create a folder and its parents if absent; the names of new ones survive a power loss."""
    new = [one for one in (path, *path.parents) if not os.path.lexists(one)]
    with storing(path):
        path.mkdir(parents=True, exist_ok=True)
        for one in new:
            sync_folder(one.parent)
    return path


def require_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written or created, before work is done for it."""
    whole = folder.absolute()
    there = next(path for path in (whole, *whole.parents) if os.path.exists(path))  # noqa: PTH110 - pathlib's raises where a parent may not be entered
    with storing(folder):
        tempfile.TemporaryFile(dir=there).close()


CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
"""Errors of file systems that have no fsync of folders, such as SMB and some of FUSE."""


def sync_folder(path: Path) -> None:
    """Force the names inside ``path`` to disk, so that a rename survives a power loss."""
    if os.name == "nt":  # Windows cannot open a folder for fsync
        return
    try:
        handle = os.open(path, os.O_RDONLY)
    # it may be written, but not listed: all disks are forced instead
    except PermissionError:
        os.sync()
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
    finally:
        os.close(handle)


def place_folder(made: Path, final: Path) -> None:
    """Give a made folder its final name; one that cannot be forced to disk is taken back."""
    # The error says that nothing is there, so that the same command makes it.
    made.rename(final)
    try:
        sync_folder(final.parent)
    except OSError:
        with contextlib.suppress(OSError):
            final.rename(made)
        raise


def sync_tree(path: Path) -> None:
    """Force all files below a folder to disk, with their names; a second time costs little."""
    for folder, _, files in os.walk(path):
        for name in files:
            place = Path(folder, name)
            if place.is_file() and not place.is_symlink():
                with place.open("rb") as written:
                    os.fsync(written.fileno())
        sync_folder(Path(folder))


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it replaces ``path`` in one step."""
    # It keeps the suffix, because picture writers choose their format by it. A failure leaves
    # ``path`` unchanged and no temporary file behind. Source of the write order (flush, fsync,
    # replace, fsync of the folder): borg's ``SaveFile``.
    # While its process lives it is locked, where there are locks: see ``remove_unfinished``.
    # Its name is known before it is there: a signal comes between any two steps.
    name = f".{_beginning(path)}-{secrets.token_hex(4)}.part{path.suffix}"
    temporary = path.parent / name
    placed = False
    handle = -1
    try:
        _remove_left_of(path)
        handle = _held(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        set_mode(temporary, 0o644)
        temporary.replace(path)
        placed = True
        sync_folder(path.parent)
    except OSError as error:
        if is_elsewhere(error, path.parent):  # what the block reads
            raise
        raise storage_error(error, path) from error
    finally:
        # the content was forced to disk, or its own error is on its way; network file systems and
        # FUSE rename an open file that is removed
        with contextlib.suppress(OSError):
            if handle >= 0:
                os.close(handle)
        if not placed:
            with contextlib.suppress(OSError):
                temporary.unlink()


def set_mode(path: Path, mode: int) -> None:
    """Give a file or folder a mode, where its disk has modes: those of cameras often have none."""
    with contextlib.suppress(OSError):
        path.chmod(mode)


def _held(handle: int) -> int:
    """The handle of a new file, locked; -1 where a file cannot be renamed while it is open."""
    if os.name == "nt":
        os.close(handle)
        return -1
    with contextlib.suppress(OSError):  # a file system without locks
        try_lock(handle)
    return handle


ABANDONED_SECONDS = 24 * 3600.0
"""Age, in seconds, from which a temporary file on a file system without locks is abandoned."""


def remove_unfinished(folder: Path, names: Collection[str]) -> None:
    """Remove what killed processes left of files with these names, not what others are writing."""
    for entry in unfinished(folder, names):
        remove_abandoned_file(entry)


def unfinished(folder: Path, names: Collection[str]) -> list[Path]:
    """Temporary files of files with these names, of living processes and of killed ones."""
    if not folder.is_dir():
        return []
    targets = set()
    for path in map(Path, names):
        targets.add((_beginning(path), path.suffix))
    return [entry for entry, target in _temporaries(folder) if target in targets]


_left: dict[Path, list[tuple[Path, tuple[str, str]]]] = {}
"""Temporary files that each folder had when this process first wrote there."""


def forget_unfinished() -> None:
    """List each folder again before this process writes there: another one has died meanwhile."""
    _left.clear()


def _remove_left_of(path: Path) -> None:
    """Remove what killed processes left of a file; its folder is listed once per process."""
    folder = path.parent
    if folder not in _left:
        _left[folder] = list(_temporaries(folder))
    for entry, target in _left[folder]:
        if target == (_beginning(path), path.suffix):
            remove_abandoned_file(entry)


def _temporaries(folder: Path) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Temporary files of ``atomic_path`` in a folder, with beginning and suffix of their target."""
    for entry in _listed(folder):
        parts = _TEMPORARY.fullmatch(entry.name)
        if parts is not None:
            yield entry, (parts[1], parts[2] or "")


def _listed(folder: Path) -> list[Path]:
    """The entries of a folder; none where it may be written, but not listed."""
    try:
        return list(folder.iterdir())
    except PermissionError:
        return []


def remove_abandoned_file(entry: Path) -> None:
    """Remove a temporary file that no living process has; links and folders stay."""
    with storing(entry):
        if entry.is_file() and not entry.is_symlink() and _is_abandoned(entry):
            entry.unlink(missing_ok=True)


_TEMPORARY = re.compile(r"\.(.+)-[a-z0-9_]{8}\.part(\.[^.]*)?")
"""Name of a temporary file of ``atomic_path``: beginning and suffix of its target."""


def _is_abandoned(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY)
        try:
            return try_lock(handle)
        except OSError:
            return time.time() - os.fstat(handle).st_mtime > ABANDONED_SECONDS
        finally:
            os.close(handle)
    return False


LONGEST_NAME = 255
"""Bytes of a name that file systems take."""
OF_TEMPORARY = len(".-12345678.part")


def _beginning(path: Path) -> str:
    """The stem, or as much of it as leaves room for the rest of a temporary name."""
    room = LONGEST_NAME - OF_TEMPORARY - len(os.fsencode(path.suffix))
    stem = os.fsencode(path.stem)
    if len(stem) <= room:
        return path.stem
    return stem[: max(room, 0)].decode("utf-8", "ignore")


def temporary_entries(
    parent: Path,
    prefix: str,
    suffix: str,
) -> list[Path]:
    """Entries of a folder that :mod:`tempfile` named with this prefix and suffix."""
    name = re.compile(re.escape(prefix) + "[a-z0-9_]{8}" + re.escape(suffix))
    return [entry for entry in _listed(parent) if name.fullmatch(entry.name)]


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


COPIED_BYTES = 2**20
"""Bytes of a file that are copied at once."""


def write_new_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, from its first byte on.

    A failure leaves nothing of it. Where there is a file, this raises ``FileExistsError``."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def copy_content(source: Path, target: Path) -> None:
    """Copy a file's bytes; an error names the file that could not be read, or written."""
    with source.open("rb") as content, target.open("wb") as written:
        while True:
            with naming(source):
                block = content.read(COPIED_BYTES)
            if not block:
                return
            with naming(target):
                written.write(block)


def write_text(path: Path, content: str) -> None:
    """Write ``content`` to ``path`` atomically, as UTF-8 with LF line ends."""
    write_bytes(path, content.encode())


def write_json(path: Path, document: Any) -> None:  # noqa: ANN401 - any JSON document
    """Write ``document`` to ``path`` atomically, as indented JSON; NaN and infinity are refused."""
    write_bytes(path, _json_bytes(document))


def write_json_if_changed(path: Path, document: Any) -> None:  # noqa: ANN401 - any JSON document
    """Write JSON only if the content differs, so that the modification time is meaningful."""
    write_bytes_if_changed(path, _json_bytes(document))


def write_bytes_if_changed(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically, if the file has other content."""
    if not path.exists() or path.read_bytes() != content:
        write_bytes(path, content)


def _json_bytes(document: Any) -> bytes:  # noqa: ANN401 - any JSON document
    text = json.dumps(
        document,
        indent=2,
        ensure_ascii=False,
        allow_nan=False,
    )
    return f"{text}\n".encode()


def sha256_file(path: Path) -> str:
    """SHA-256 of a regular file's content, as 64 lower-case hexadecimal digits."""
    require_file(path)  # what is read from a pipe or a device has no end
    with naming(path), path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_json(value: object) -> str:
    """SHA-256 of a JSON value, in which the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


if sys.platform == "win32":
    import msvcrt

    def try_lock(
        handle: int,
        *,
        shared: bool = False,  # noqa: ARG001 - there is one kind there
        wait: bool = False,  # noqa: ARG001 - as above
    ) -> bool:
        """Take the lock of an open file; return whether it was free."""
        # a locked byte cannot be read: not one of the content
        os.lseek(handle, 2**20, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def try_lock(
        handle: int,
        *,
        shared: bool = False,
        wait: bool = False,
    ) -> bool:
        """Take the kernel's lock of an open file or folder; return whether it was free."""
        # It ends with the handle or the process. ``shared`` is for readers, beside others but no
        # writer.
        import fcntl

        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
