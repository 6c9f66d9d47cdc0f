"""A cache that cannot be written, or takes no more, changes no result and is told in one line."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from defocus import cache, progress
from defocus.cache import (
    atomic_folder,
    cache_folder,
    derived_folder,
    in_cache,
    in_derived,
    keeping,
    leave_cache,
)
from defocus.errors import (
    NO_TEMPORARY_FOLDER,
    StorageError,
    storage_error,
    what_program_lacks,
)
from defocus.processes.isolation import LeftOut, attempt
from defocus.storage import files, staging
from defocus.storage.files import atomic_path, copy_content
from defocus.storage.staging import held_folder, owned_folder, owner_file

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def as_if_new(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "_usable", set())
    monkeypatch.setattr(progress, "said_once", set())
    monkeypatch.setattr(cache, "_left", set())
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    for name in ("DEFOCUS_CACHE", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # so that it is put back
        monkeypatch.delenv(name)


def refuse(*_: object) -> None:
    raise storage_error(PermissionError(errno.EACCES, "denied"), Path("home/.cache"))


def test_a_home_that_cannot_be_written_has_a_cache_for_one_program(
    monkeypatch, capsys, placeless
):
    monkeypatch.setattr(cache, "require_writable", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path(cache.tempfile.gettempdir(), "home")))
    folder = cache_folder()
    assert cache_folder() == folder
    assert folder.name.startswith("defocus-cache-")
    assert os.environ["DEFOCUS_CACHE"] == str(folder), (
        "processes that it starts have the same"
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert "DEFOCUS_CACHE" in line
    assert "no permission to write there" in line
    cache._remove(folder, os.getpid())
    assert not folder.exists()


def test_without_a_home_there_is_a_cache_for_one_program(monkeypatch, capsys):
    def no_home(_path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    assert cache_folder().is_dir()
    assert "there is no home folder for the cache" in capsys.readouterr().err


def test_what_a_person_has_added_is_there_too(monkeypatch, tmp_path):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "own"))
    (tmp_path / "own" / "weights" / "unet").mkdir(parents=True)
    (tmp_path / "own" / "weights" / "unet" / "a.json").write_text("{}")
    folder = leave_cache("the disk is full")
    assert (folder / "weights" / "unet" / "a.json").read_text() == "{}"


def test_work_that_the_disk_of_the_cache_refuses_is_done_in_another(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "full"))

    def make(folder: Path) -> Path:
        if folder.name == "full":
            raise storage_error(FULL, folder / "weights")
        return folder

    assert in_cache(make).name.startswith("defocus-cache-")
    assert capsys.readouterr().err.count("\n") == 1


def test_what_is_derived_goes_to_another_cache_too_and_stays_there(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    derived = derived_folder("0123456789abcdef")

    def make(folder: Path) -> Path:
        if folder.is_relative_to(tmp_path / "cache"):
            raise storage_error(FULL, folder)
        return folder

    first = in_derived(derived, make)
    assert first.name == derived.name
    assert in_derived(derived, make) == first
    with pytest.raises(StorageError):
        in_derived(tmp_path / "cache" / "dataset" / ".derived" / "0123", make)


def test_a_second_full_disk_ends_the_work(monkeypatch, tmp_path):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "full"))

    def make(folder: Path) -> None:
        raise storage_error(FULL, folder)

    with pytest.raises(StorageError):
        in_cache(make)


def test_what_cannot_be_kept_is_said_once(capsys):
    for name in ("a", "b"):
        with keeping():
            raise storage_error(FULL, Path(name))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cannot write a: the disk is full")


ENDS = (errno.EIO, errno.EMFILE, errno.ENOLCK, errno.ENOSPC, errno.EDQUOT, errno.ESTALE)


@pytest.mark.parametrize("number", ENDS, ids=errno.errorcode.get)
def test_an_error_of_storing_ends_the_work_on_all(tmp_path, number):
    def store() -> None:
        with atomic_path(tmp_path / "a"):
            raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError, match=r"cannot write .*/a: .*; "):
        attempt("one", store)
    assert not list(tmp_path.glob("*a*"))


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ESTALE, errno.EACCES], ids=errno.errorcode.get
)
def test_an_error_of_reading_is_that_of_one_thing(tmp_path, monkeypatch, number):
    source = tmp_path / "given" / "a"

    def unreadable(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(source))

    def store() -> None:
        with (
            atomic_folder(tmp_path / "out" / "a") as folder,
            atomic_path(folder / "b") as place,
        ):
            copy_content(source, place)

    monkeypatch.setattr(Path, "open", unreadable)
    left_out = attempt("one", store)
    assert isinstance(left_out, LeftOut)
    assert str(source) in left_out.reason
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "number", [errno.EMFILE, errno.ENFILE], ids=errno.errorcode.get
)
def test_too_many_open_files_are_no_fault_of_the_one_that_is_read(number):
    def unreadable() -> None:
        raise OSError(number, os.strerror(number), "a")

    with pytest.raises(OSError, match="Too many open files"):
        attempt("one", unreadable)


def test_no_folder_for_temporary_files_is_no_fault_of_the_one_that_is_read(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    with pytest.raises(FileNotFoundError) as raised:
        attempt("one", tempfile.gettempdir)
    assert what_program_lacks(raised.value) == NO_TEMPORARY_FOLDER


def no_locks(*_: object, **__: object) -> bool:
    raise OSError(errno.ENOLCK, "No locks available")


def test_without_locks_a_folder_has_one_owner_too(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "try_lock", no_locks)
    folder = tmp_path / "made"
    with owned_folder(folder) as first:
        with owned_folder(folder) as second:
            assert (first, second) == (True, False)
        assert owner_file(folder).is_file()
    assert not owner_file(folder).exists()


def test_who_cannot_be_named_as_the_owner_of_a_folder_is_an_error_of_storing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(staging, "try_lock", no_locks)
    folder = tmp_path / "made"
    owner_file(folder).mkdir()
    with pytest.raises(StorageError, match="made"), owned_folder(folder):
        pass


def test_a_folder_whose_name_cannot_be_kept_is_not_there(tmp_path, monkeypatch):
    """Else the same command would refuse what the first one says it could not write."""

    def full(_folder: Path) -> None:
        if (tmp_path / "made").exists():
            raise FULL

    monkeypatch.setattr(files, "sync_folder", full)
    with pytest.raises(StorageError), atomic_folder(tmp_path / "made") as folder:
        (folder / "one").write_text("1")
    assert list(tmp_path.iterdir()) == []


def busy(*_: object, **__: object) -> None:
    raise OSError(errno.EBUSY, "Device or resource busy")


def store_on_a_full_disk(folder: Path) -> None:
    with (
        pytest.MonkeyPatch.context() as tidying,
        owned_folder(folder / "work"),
        atomic_path(folder / "made"),
    ):
        tidying.setattr(Path, "unlink", busy)
        tidying.setattr(os, "close", busy)
        raise FULL


def test_an_error_of_tidying_hides_none_of_storing(tmp_path, monkeypatch):
    """As where a network file system says at every close that the quota is used up."""
    monkeypatch.setattr(staging, "try_lock", no_locks)
    with pytest.raises(StorageError, match="made: the disk is full"):
        store_on_a_full_disk(tmp_path)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("{host} 4194999\n", True),
        ("elsewhere 1\n", False),
        ("{host} 1\n", False),
        ("", False),
    ],
)
def test_the_folder_of_an_owner_that_has_ended_is_taken_over(
    tmp_path, monkeypatch, text, taken
):
    monkeypatch.setattr(staging, "try_lock", no_locks)
    folder = tmp_path / "made"
    owner_file(folder).write_text(text.format(host=staging.socket.gethostname()))
    with owned_folder(folder) as owned:
        assert owned is taken


def test_the_next_owner_of_a_folder_is_not_removed_with_the_last_one(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(staging, "try_lock", no_locks)
    owner = owner_file(tmp_path / "made")
    living = f"{staging.socket.gethostname()} {os.getpid()}\n"
    owner.write_text(living)
    lives = staging._lives

    def overtaken(path: Path) -> bool:
        """The owner ends before it is looked at, and another process is the first to come."""
        monkeypatch.setattr(staging, "_lives", lives)
        path.unlink()
        try:
            return lives(path)
        finally:
            path.write_text(living)

    monkeypatch.setattr(staging, "_lives", overtaken)
    with owned_folder(tmp_path / "made") as owned:
        assert not owned
    assert owner.read_text() == living


def test_an_owner_on_a_computer_that_is_gone_is_not_waited_for_without_end(
    tmp_path, monkeypatch, refused
):
    monkeypatch.setattr(staging, "try_lock", no_locks)
    monkeypatch.setattr(staging, "HELD_SECONDS", 0.03)
    monkeypatch.chdir(tmp_path)
    folder = Path("restored")
    folder.mkdir()
    owner_file(folder).write_text("elsewhere 1\n")
    with refused(StorageError), held_folder(folder):
        pass
    owner_file(folder).unlink()
    with held_folder(folder):
        assert owner_file(folder).is_file()
