"""One process per study: a kernel lock that ends with the process that holds it."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from defocus.errors import InputError, storage_error
from defocus.files import make_folder

__all__ = ["study_lock"]


@contextlib.contextmanager
def study_lock(out: Path) -> Iterator[None]:
    """Hold the lock of a study's folder (made where absent) as long as the block runs.

    The lock is the kernel's, on the file ``.lock``: a killed process leaves none behind. What a
    killed process leaves are temporary files of half a write; they are removed.

    Raises:
        InputError: Another process works in that folder.
        StorageError: The folder cannot be made or written.
    """
    make_folder(out)
    path = out / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        _lock(handle, out)
        for leftover in out.rglob(".*.part*"):  # the temporary names of defocus.files
            leftover.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, out: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError(
            f"{out}: another defocus-bench works in this folder; "
            "wait until it ends or choose another --out"
        ) from error
