"""HDF5 files without HDF5's own locks, and what the system says of a write."""

import contextlib
import resource
import signal
from collections.abc import Iterator

import h5py
import numpy as np
import pytest

from defocus.datasets.patching.packing import pack
from defocus.errors import StorageError
from defocus.storage import hdf5_files
from defocus.storage.files import atomic_path
from defocus.storage.hdf5_files import new_hdf5, open_hdf5


def test_a_file_is_read_as_it_was_written(tmp_path):
    with new_hdf5(tmp_path / "a.h5") as file:
        file.create_dataset("values", data=np.arange(3))
    with open_hdf5(tmp_path / "a.h5") as file:
        assert list(file["values"]) == [0, 1, 2]


def test_no_file_is_locked(tmp_path, monkeypatch):
    given: list[object] = []

    class File(h5py.File):  # type: ignore[misc]
        def __init__(self, *words: object, **options: object) -> None:
            given.append(options)
            super().__init__(*words, **options)

    monkeypatch.setattr(h5py, "File", File)
    new_hdf5(tmp_path / "a.h5").__enter__().close()
    open_hdf5(tmp_path / "a.h5").close()
    assert given == [{"driver": "fileobj"}, {"locking": False}]


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 1000, 3000, 10_000, 50_000, 59_000])
@pytest.mark.parametrize("chunks", [None, (50, 20, 3)])
def test_a_write_that_fails_at_any_place_is_an_error_of_storing(tmp_path, room, chunks):
    values = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)

    def write() -> None:
        with atomic_path(tmp_path / "a.h5") as temporary, new_hdf5(temporary) as file:
            file.create_dataset("values", data=values, chunks=chunks)
            file.create_dataset("more", data=values, chunks=chunks)

    with room_for(room), pytest.raises(StorageError, match="File too large"):
        write()
    assert list(tmp_path.iterdir()) == []
    write()
    with open_hdf5(tmp_path / "a.h5") as file:
        assert np.array_equal(file["more"][:], values)


@pytest.fixture
def interrupts():
    """Ctrl-C raises, as in a program."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("at", [1, 2, 3, 5, 8])
def test_a_signal_while_hdf5_writes_is_heard_after_it(
    tmp_path, monkeypatch, interrupts, at
):
    write = hdf5_files._PatientFile.write
    writes: list[int] = []

    def pressed(file: hdf5_files._PatientFile, content: bytes) -> int:
        writes.append(len(content))
        if len(writes) == at:
            signal.raise_signal(signal.SIGINT)
        return write(file, content)

    monkeypatch.setattr(hdf5_files._PatientFile, "write", pressed)
    picture = np.zeros((300, 200, 3), np.uint8)
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path / "a.h5", [("a", {"blurry": picture, "target": picture})])
    assert len(writes) >= at
    assert list(tmp_path.iterdir()) == []
