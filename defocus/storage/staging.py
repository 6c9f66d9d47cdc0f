"""Temporary folders in which results are completed before they are moved into place.

The kernel locks each while its process lives, so that those of killed processes are removed."""

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from defocus.storage.files import make_folder, storing, temporary_entries, try_lock

TENSORS = ".tensors-"
"""Prefix of the name of the folder in which a safetensors file is written."""


@contextlib.contextmanager
def staging_folder(
    parent: Path,
    prefix: str,
    suffix: str = "",
) -> Iterator[Path]:
    """Yield a new folder inside ``parent``; at the end it is removed, unless it was renamed."""
    # Folders of killed processes with the same prefix and suffix are removed first.
    with storing(parent):
        remove_abandoned(parent, prefix, suffix)
        folder, lock = _create(parent, prefix, suffix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _release(lock)


@contextlib.contextmanager
def owned_folder(folder: Path) -> Iterator[bool]:
    """Create a folder if absent and keep others out; yields whether this process has it."""
    while True:
        make_folder(folder)
        # its owner has just removed it: once more
        with contextlib.suppress(FileNotFoundError):
            lock = _own(folder)
            break
    try:
        yield lock is not None
    finally:
        if lock is not None:
            owner_file(folder).unlink(missing_ok=True)
        _release(lock)


WAITING_SECONDS = 0.02
"""Seconds between two attempts to take a folder that another process holds for a moment."""


@contextlib.contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """Have a folder for a moment, with or without locks; others wait meanwhile."""
    with storing(folder):
        while (lock := _own(folder)) is None:
            time.sleep(WAITING_SECONDS)
    try:
        yield
    finally:
        owner_file(folder).unlink(missing_ok=True)
        _release(lock)


def owner_file(folder: Path) -> Path:
    """The file beside a folder that names its owner, where the file system has no locks."""
    return folder.with_name(f".{folder.name}.owner")


def _own_by_name(folder: Path) -> int | None:
    """The handle of a new file that names this process; None if a living process has one."""
    path = owner_file(folder)
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            if _lives(path):
                return None
            path.unlink(missing_ok=True)
            continue
        os.write(handle, f"{socket.gethostname()} {os.getpid()}\n".encode())
        return handle


UNNAMED_SECONDS = 60.0
"""Age in seconds up to which an owner's file without a name belongs to a process that is writing
it."""


def _lives(path: Path) -> bool:
    """Whether the owner that a file names may still work; an owner on another computer may."""
    try:
        host, _, number = path.read_text(encoding="utf-8").partition(" ")
        if not number:
            return time.time() - path.stat().st_mtime < UNNAMED_SECONDS
        if host != socket.gethostname():
            return True
        os.kill(int(number), 0)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    except PermissionError:  # another person's process
        return True
    return True


def remove_abandoned(
    parent: Path,
    prefix: str,
    suffix: str = "",
) -> None:
    """Remove the staging folders of killed processes; those of living ones stay."""
    for folder in temporary_entries(parent, prefix, suffix):
        if folder.is_symlink() or not folder.is_dir():
            continue
        with contextlib.suppress(FileNotFoundError):  # another process was first
            lock = _lock(folder, wait=False)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                _release(lock)


def _create(
    parent: Path,
    prefix: str,
    suffix: str,
) -> tuple[Path, int | None]:
    """A new folder and the handle of its lock; None if locks are not supported."""
    while True:
        folder = Path(
            tempfile.mkdtemp(
                prefix=prefix,
                suffix=suffix,
                dir=parent,
            )
        )
        with contextlib.suppress(FileNotFoundError):
            lock = _lock(folder, wait=True)
            if folder.exists():
                return folder, lock
            _release(lock)
        # before it was locked, another process took it for abandoned: once more


# which cannot lock a folder: what is a day old counts as abandoned
if sys.platform == "win32":
    ABANDONED_AFTER_S = 24 * 3600.0

    def _lock(folder: Path, *, wait: bool) -> int | None:
        old = time.time() - folder.stat().st_mtime > ABANDONED_AFTER_S
        return -1 if old and not wait else None

    def _own(folder: Path) -> int | None:  # noqa: ARG001 - where there are locks it is used
        return -1

    def _release(lock: int | None) -> None:
        pass

else:

    def _lock(folder: Path, *, wait: bool) -> int | None:
        """The handle of the folder's lock; None if another holds it, or locks do not exist."""
        handle = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):
            if try_lock(handle, wait=wait):
                return handle
        os.close(handle)
        return None

    def _own(folder: Path) -> int | None:
        """A handle that makes this process the folder's owner; None if another is."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            held = try_lock(handle)
        except OSError:  # a file system without locks
            os.close(handle)
            return _own_by_name(folder)
        if held and (
            not folder.exists() or not os.path.samestat(os.fstat(handle), folder.stat())
        ):
            os.close(handle)
            raise FileNotFoundError(folder)
        if not held:
            os.close(handle)
        return handle if held else None

    def _release(lock: int | None) -> None:
        if lock is not None:
            os.close(lock)
