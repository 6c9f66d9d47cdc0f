"""HDF5 files, which several processes may read; what the system says of a write is an ``OSError``.

HDF5's own locks are left out: not every network file system has any, and each of our files appears
whole, by its name."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from defocus.storage.files import write_bytes

_NUMBER = re.compile(r"errno = (\d+)")
"""Number of the system's error in the text of an error of the library."""


def open_hdf5(path: Path, **options: Any) -> h5py.File:  # noqa: ANN401 - those of ``h5py.File``
    """Open an HDF5 file for reading."""
    return h5py.File(path, "r", locking=False, **options)


@contextlib.contextmanager
def small_hdf5(path: Path) -> Iterator[h5py.File]:
    """Write a new HDF5 file that is made in memory: a failing disk leaves HDF5 nothing to say."""
    with h5py.File(path.name, "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        content = file.id.get_file_image()
    write_bytes(path, content)


@contextlib.contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Write a new HDF5 file."""
    try:
        with h5py.File(path, "w", locking=False) as file:
            yield file
    except (OSError, RuntimeError) as error:
        number = _NUMBER.search(str(error))
        if number is None:
            raise
        code = int(number[1])
        raise OSError(code, os.strerror(code), str(path)) from error
