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

from defocus.errors import StorageError, storage_error
from defocus.storage.files import make_folder, storing, temporary_entries, try_lock

REMOVALS = 2
"""Number of attempts to remove a folder. A removal that fails once, for example because too many
files are open, would leave it for ever."""

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
        remove_folder(folder)
        _release(lock)


def folder_of_program(parent: Path, prefix: str) -> Path:
    """A new folder that is locked until this program ends; those of killed ones are removed."""
    with storing(parent):
        remove_abandoned(parent, prefix)
        folder, _ = _create(parent, prefix, "")
    return folder


def remove_folder(folder: Path) -> None:
    """Remove a temporary folder.

    If that fails, nothing is raised, because the result is not affected."""
    for _again in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return


def replace_folder(folder: Path, by: Path) -> None:
    """Put a folder beside another into its place; the other is removed under another name."""
    # A removal that fails or is cut short would leave half of it under its own.
    settle_replaced(folder)
    before = _earlier_of(folder)
    with storing(folder):
        folder.rename(before)
        by.rename(folder)
    remove_folder(before)


def settle_replaced(folder: Path) -> None:
    """Where a process was killed while it replaced a folder, put the earlier one back, or away."""
    before = _earlier_of(folder)
    if not os.path.lexists(folder) and before.is_dir():
        with storing(folder):
            before.rename(folder)
    remove_folder(before)


def _earlier_of(folder: Path) -> Path:
    """The name of a folder while another takes its place."""
    return folder.absolute().with_name(f".{folder.name}.before")


@contextlib.contextmanager
def owned_folder(folder: Path) -> Iterator[bool]:
    """Create a folder if absent and keep others out; yields whether this process has it."""
    while True:
        make_folder(folder)
        # its owner has just removed it: once more
        with contextlib.suppress(FileNotFoundError), _storing_there(folder):
            lock = _own(folder)
            break
    try:
        yield lock is not None
    finally:
        if lock is not None:
            _remove_owner_file(folder)
        _release(lock)


WAITING_SECONDS = 0.02
"""Seconds between two attempts to take a folder that another process holds for a moment."""

HELD_SECONDS = 60.0
"""Seconds that a command waits for an owner that it knows only from the owner's file, such as one
on another computer, before it ends with an error."""


@contextlib.contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """Have a folder for a moment, with or without locks; others wait meanwhile."""
    latest = time.monotonic() + HELD_SECONDS
    with storing(folder):
        while (lock := _own(folder)) is None:
            if time.monotonic() > latest and owner_file(folder).exists():
                raise StorageError(
                    f"cannot write {folder}: another process holds it since {HELD_SECONDS:.0f} s; "
                    f"if none works there, remove {owner_file(folder)}"
                )
            time.sleep(WAITING_SECONDS)
    try:
        yield
    finally:
        _remove_owner_file(folder)
        _release(lock)


@contextlib.contextmanager
def _storing_there(folder: Path) -> Iterator[None]:
    """As :func:`storing`; that the folder is gone stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise storage_error(error, folder) from error


def _remove_owner_file(folder: Path) -> None:
    # one that stays names a process that has ended, which the next run finds
    with contextlib.suppress(OSError):
        owner_file(folder).unlink(missing_ok=True)


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
            # of an owner that has just ended there is none, or already that of the next one
            with contextlib.suppress(FileNotFoundError):
                if _lives(path):
                    return None
                path.unlink()
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
    except (ProcessLookupError, ValueError):
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
        # another process was first, or another person's
        with contextlib.suppress(FileNotFoundError, PermissionError):
            lock = _lock(folder, wait=False)
            if lock is not None:
                remove_folder(folder)
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
        if not held:
            os.close(handle)
            return None
        if folder.exists() and os.path.samestat(os.fstat(handle), folder.stat()):
            return handle
        os.close(handle)
        raise FileNotFoundError(folder)

    def _release(lock: int | None) -> None:
        # nothing was written to it
        with contextlib.suppress(OSError):
            if lock is not None:
                os.close(lock)
