"""What fails with one thing is its line; only a full disk, an interruption and the request stop."""

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from defocus.errors import (
    DatasetError,
    ImageError,
    InterruptedWorkError,
    RegistryError,
    SettingsError,
    StorageError,
    WeightsError,
    storage_error,
)
from defocus.pictures import read as images
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.processes.isolation import attempt
from defocus.progress import telling
from defocus.storage.files import atomic_path, write_text


def raising(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


def of_system(number: int, path: str = "a.jpg") -> OSError:
    return OSError(number, "what the system says", path)


STOPPING = [
    *(KeyboardInterrupt(), InterruptedWorkError("stopped")),
    *(RegistryError("no such"), SettingsError("a key"), WeightsError("damaged")),
    *(of_system(errno.ENOSPC), of_system(errno.EDQUOT)),
    *(
        StorageError("the store is full"),
        storage_error(of_system(errno.ENOSPC), Path("a")),
    ),
    storage_error(of_system(errno.EACCES), Path("a")),
]


@pytest.mark.parametrize("error", STOPPING, ids=repr)
def test_what_stops_everything(error):
    with pytest.raises(type(error)):
        attempt("a", raising(error))


class OddError(Exception):
    """Of a library: no family of errors that anybody lists, and it cannot be pickled."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first}\nand {second}")


def caused(error: Exception, cause: Exception) -> Exception:
    """An error as OpenCV's functions raise it, which Python found behind their result."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ImageError("a.jpg: cut short"), "a.jpg: cut short"),
        (DatasetError("two\nlines"), "two lines"),
        (of_system(errno.ENOENT), "a.jpg: no such file or folder"),
        (
            of_system(errno.EACCES),
            "a.jpg: no permission to read it; change its mode or copy it",
        ),
        (of_system(errno.EIO), "a.jpg: what the system says; check the path"),
        (MemoryError(), "there is too little memory for it"),
        (
            caused(SystemError("a result with an error set"), MemoryError()),
            "there is too little me",
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            "there is too little memory",
        ),
        (RuntimeError("shapes differ"), "unforeseen RuntimeError: shapes differ"),
        (OddError(1, 2), "unforeseen OddError: 1 and 2; please report it"),
        (EOFError(), "unforeseen EOFError: ; please report it"),
        (SystemExit(3), "unforeseen SystemExit: 3; please report it"),
        (
            storage_error(of_system(errno.ENAMETOOLONG), Path("a")),
            "cannot write a: the name is too long for this file system; shorten it",
        ),
    ],
    ids=repr,
)
def test_whatever_else_fails_is_the_reason(error, text):
    outcome = attempt("a", raising(error))
    assert outcome.id == "a"
    assert outcome.reason.startswith(text)
    assert "\n" not in outcome.reason
    assert attempt("a", lambda: 3) == 3


def test_an_unforeseen_error_leaves_its_traceback_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(telling, "log_file", tmp_path / "log")
    attempt("a", raising(TypeError("b\udce9ret")))
    attempt("b", raising(ImageError("foreseen")))
    kept = (tmp_path / "log").read_text()
    assert "in raising" in kept or "in work" in kept
    assert r"TypeError: b\udce9ret" in kept
    assert "foreseen" not in kept.replace("unforeseen", "")


def test_a_picture_whose_reader_fails_is_an_error_of_a_picture(
    tmp_path, monkeypatch, refused
):
    write_image(tmp_path / "a.png", np.zeros((3, 4, 3), np.uint8))
    monkeypatch.setattr(telling, "log_file", tmp_path / "log")
    monkeypatch.setattr(images, "_decode", lambda *_: raising(OddError(1, 2))())
    with refused(ImageError):
        read_image(tmp_path / "a.png")
    assert "in raising" in (tmp_path / "log").read_text().replace(
        "in work", "in raising"
    )
    full = of_system(errno.ENOSPC)
    monkeypatch.setattr(images, "_decode", lambda *_: raising(full)())
    with refused(OSError):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "é" * 125 + ".png", "n" * 255])
def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path, name):
    write_text(tmp_path / name, "kept")
    assert (tmp_path / name).read_text() == "kept"
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_longer_name_is_no_trouble_of_others(tmp_path, refused):
    path = tmp_path / ("n" * 256)
    with refused(StorageError) as caught, atomic_path(path):
        pass
    assert not caught.value.everywhere
    assert not list(tmp_path.iterdir())
