import errno
import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.errors import StorageError
from defocus.storage import files
from defocus.storage.files import (
    atomic_path,
    make_folder,
    remove_unfinished,
    sha256_file,
    write_bytes,
    write_bytes_if_changed,
    write_json,
    write_new_private,
    write_text,
)


def test_write_replaces_the_whole_file(tmp_path):
    path = tmp_path / "note.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("old and long")
        assert (temporary.suffix, temporary.parent) == (".txt", tmp_path)
    write_text(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["note.txt"]


def test_a_failure_inside_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "note.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError), atomic_path(path) as temporary:
        temporary.write_text("half \udc80", encoding="utf-8")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["note.txt"]


def test_not_a_number_is_refused_in_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


@given(content=st.binary(max_size=4096))
def test_sha256_is_that_of_hashlib(content):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bin"
        write_bytes(path, content)
        assert sha256_file(path) == hashlib.sha256(content).hexdigest()


def test_a_folder_below_a_file_is_a_storage_error(tmp_path, refused):
    (tmp_path / "file").write_text("x")
    with refused(StorageError):
        make_folder(tmp_path / "file" / "inside")


def test_a_file_is_written_again_only_where_its_content_changed(tmp_path):
    path = tmp_path / "file"
    write_bytes_if_changed(path, b"first")
    inode = path.stat().st_ino
    write_bytes_if_changed(path, b"first")
    assert path.stat().st_ino == inode
    write_bytes_if_changed(path, b"other")
    assert path.read_bytes() == b"other"


def test_only_files_of_ended_processes_are_swept(tmp_path):
    """What another process just writes is locked, and what was not asked for is somebody's."""
    left = tmp_path / ".a-abcdefgh.part.png"
    others = [
        tmp_path / name for name in (".b-abcdefgh.part.png", "a.png", ".a-abc.part.png")
    ]
    with atomic_path(tmp_path / "a.png") as living:
        for path in (left, *others):
            path.write_bytes(b"")
        remove_unfinished(tmp_path, ["a.png"])
        assert living.exists()
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_writer_sweeps_what_a_killed_one_left_of_the_same_file(tmp_path):
    left, other = tmp_path / ".a-0123abcd.part.txt", tmp_path / ".b-0123abcd.part.txt"
    for path in (left, other):
        path.write_bytes(b"")
    write_text(tmp_path / "a.txt", "whole")
    assert sorted(tmp_path.iterdir()) == [other, tmp_path / "a.txt"]


def test_a_disk_that_cannot_force_folders_can_be_written(tmp_path, monkeypatch):
    forced = os.fsync

    def of_files_alone(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        forced(handle)

    monkeypatch.setattr(os, "fsync", of_files_alone)
    write_text(tmp_path / "a.txt", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_disk_without_modes_can_be_written(tmp_path, monkeypatch):
    def refused_mode(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused_mode)
    write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"


WRITING_THERE = """
import os, sys
from pathlib import Path
from defocus.storage.files import make_folder, remove_unfinished, write_text
folder = Path(sys.argv[1])
assert not os.access(folder, os.R_OK)
for words in ("first", "second"):
    write_text(folder / "a.txt", words)
remove_unfinished(folder, ["a.txt"])
make_folder(folder / "new")
"""


@pytest.mark.full
@pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="needs setpriv, as root may list all"
)
def test_a_folder_that_can_be_written_but_not_listed_is_written(tmp_path):
    folder = tmp_path / "dropbox"
    folder.mkdir()
    folder.chmod(0o333)
    as_others = []
    if os.access(folder, os.R_OK):  # root has two rights that others lack
        as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [*as_others, sys.executable, "-c", WRITING_THERE, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert (folder / "a.txt").read_text() == "second"
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "new"]


def test_without_locks_only_old_files_are_swept(tmp_path, monkeypatch):
    def no_locks(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files, "try_lock", no_locks)
    new, old = tmp_path / ".a-abcdefgh.part", tmp_path / ".a-hgfedcba.part"
    for path in (new, old):
        path.write_bytes(b"")
    os.utime(old, (0, 0))
    remove_unfinished(tmp_path, ["a"])
    assert list(tmp_path.iterdir()) == [new]


def write_nothing(path: Path) -> None:
    with atomic_path(path):
        raise ValueError("none")


def test_a_temporary_file_is_closed_before_it_is_removed(tmp_path, monkeypatch):
    """Else a network file system renames it, and what has no right to rename leaves it."""
    done: list[str] = []
    close, unlink = os.close, Path.unlink
    monkeypatch.setattr(os, "close", lambda one: (done.append("close"), close(one)))
    monkeypatch.setattr(
        Path, "unlink", lambda one, **_: (done.append("unlink"), unlink(one))
    )
    with pytest.raises(ValueError, match="none"):
        write_nothing(tmp_path / "a")
    assert done[-2:] == ["close", "unlink"]
    assert list(tmp_path.iterdir()) == []


def test_a_private_file_that_could_not_be_written_is_not_there(tmp_path, monkeypatch):
    key = tmp_path / "key"

    def full(handle: int, _mode: str) -> None:
        os.close(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fdopen", full)
        with pytest.raises(OSError, match="No space left"):
            write_new_private(key, b"secret")
    assert not key.exists()
    write_new_private(key, b"secret")
    assert key.read_bytes() == b"secret"
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_new_private(key, b"another")
    assert key.read_bytes() == b"secret"
