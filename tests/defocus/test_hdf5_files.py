"""HDF5 files without HDF5's own locks, and what the system says of a write."""

import errno

import h5py
import numpy as np
import pytest

from defocus.errors import StorageError
from defocus.storage.files import atomic_path
from defocus.storage.hdf5_files import new_hdf5, open_hdf5

FULL = (
    "Can't decrement id ref count (file write failed: time = x, errno = 28, buf = 0x0)"
)


def test_a_file_is_read_as_it_was_written(tmp_path):
    with new_hdf5(tmp_path / "a.h5") as file:
        file.create_dataset("values", data=np.arange(3))
    with open_hdf5(tmp_path / "a.h5") as file:
        assert list(file["values"]) == [0, 1, 2]


def test_no_file_is_locked(tmp_path, monkeypatch):
    given: list[object] = []

    class File(h5py.File):  # type: ignore[misc]
        def __init__(self, *words: object, **options: object) -> None:
            given.append(options["locking"])
            super().__init__(*words, **options)

    monkeypatch.setattr(h5py, "File", File)
    new_hdf5(tmp_path / "a.h5").__enter__().close()
    open_hdf5(tmp_path / "a.h5").close()
    assert given == [False, False]


def test_a_full_disk_is_an_error_of_storing(tmp_path):
    def write() -> None:
        with atomic_path(tmp_path / "a.h5") as temporary, new_hdf5(temporary):
            raise RuntimeError(FULL)

    with pytest.raises(StorageError, match="the disk is full"):
        write()
    assert errno.ENOSPC == 28
    assert list(tmp_path.iterdir()) == []
