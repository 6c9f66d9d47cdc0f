"""HDF5 files, which several processes may read; what the system says of a write is an ``OSError``.

HDF5's own locks are left out: not every network file system has any, and each of our files appears
whole, by its name."""

import contextlib
import errno
import io
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import h5py

from defocus.storage.files import write_bytes

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def open_hdf5(path: Path, **options: Any) -> h5py.File:  # noqa: ANN401 - those of ``h5py.File``
    """Open an HDF5 file for reading."""
    return h5py.File(path, "r", locking=False, **options)


@contextlib.contextmanager
def small_hdf5(path: Path) -> Iterator[h5py.File]:
    """Write a new HDF5 file that is made in memory: a failing disk leaves HDF5 nothing to say."""
    with h5py.File(
        path.name,
        "w",
        driver="core",
        backing_store=False,
    ) as file:
        yield file
        file.flush()
        content = file.id.get_file_image()
    write_bytes(path, content)


@contextlib.contextmanager
def held_interrupts() -> Iterator[None]:
    """Keep signal handlers from raising in the block; the first signal is sent again at its end.

    A library that calls Python back would lose the exception."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []

    def keep(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    known = signal.valid_signals()
    raising = [one for one in known if callable(signal.getsignal(one))]
    before = {number: signal.signal(number, keep) for number in raising}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for came in heard[:1]:
            signal.raise_signal(came)


class _PatientFile(io.FileIO):
    """A file that keeps the error of its first failing write and does not raise it."""

    # HDF5 loses the last values of an array in silence where they cannot be written, and may end
    # the whole process after it.

    failed: OSError | None = None

    def write(self, content: "ReadableBuffer") -> int:
        """Write all of it, unless a write has failed."""
        left = memoryview(content)
        size = left.nbytes
        with self._patience():
            while left.nbytes and self.failed is None:
                left = left[super().write(left) :]
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size, unless a write has failed."""
        with self._patience():
            super().truncate(size)
        return size or 0

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failed = self.failed or error


@contextlib.contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Write a new HDF5 file; if it could not be written, an ``OSError`` is raised at the end.

    What writes into it is in ``held_interrupts``: nothing may be raised inside HDF5."""
    with _PatientFile(path, "w+") as written:
        with held_interrupts():
            file = h5py.File(written, "w", driver="fileobj")
        try:
            yield file
        finally:
            with held_interrupts():
                file.close()
            if written.failed is not None:
                code = written.failed.errno or errno.EIO
                raise OSError(code, os.strerror(code), str(path)) from written.failed
