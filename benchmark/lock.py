"""One process per study: a kernel lock that ends with the process that holds it."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from defocus.benchmark.run_folder import CHECKPOINT, CURVE, FAILURE
from defocus.errors import InputError, storage_error
from defocus.files import make_folder

__all__ = ["is_locked", "study_lock"]


def _temporary(*names: str) -> re.Pattern[str]:
    """What :func:`defocus.files.atomic_path` calls the temporary files of these names."""
    paths = [Path(name) for name in names]
    parts = [rf"\.{re.escape(p.stem)}-[a-z0-9_]{{8}}\.part{re.escape(p.suffix)}" for p in paths]
    return re.compile("|".join(parts))


STUDY_NAMES = ("leaderboard.csv", "report.html", "report.pdf", "request.json", "study.json")
"""Files at the top of a study that it replaces; a foreign ``results.sqlite`` is refused itself."""

_OF_STUDY = _temporary(*STUDY_NAMES, ".report.json")
_OF_RUN = _temporary("run.json", CURVE, CHECKPOINT, FAILURE)
_OF_PICTURES = re.compile(r"\..+\.(blurry|restored|sharp)-[a-z0-9_]{8}\.part\.png")


@contextlib.contextmanager
def study_lock(out: Path) -> Iterator[None]:
    """Hold the lock of a study's folder (made where absent) as long as the block runs.

    The lock is the kernel's, on the file ``.lock``: a killed process leaves none behind. What a
    killed process leaves are temporary files of half a write; they are removed.

    Raises:
        InputError: Another process works in that folder, or it is no study and holds files that a
            study would replace.
        StorageError: The folder cannot be made or written.
    """
    _refuse_foreign(out)
    make_folder(out)
    path = out / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        _lock(handle, out)
        _sweep(out)
        yield
    finally:
        os.close(handle)


def is_locked(out: Path) -> bool:
    """Whether a process works in a study's folder right now."""
    path = out / ".lock"
    if not path.is_file():
        return False
    handle = os.open(path, os.O_RDWR)
    try:
        _lock(handle, out)
    except InputError:
        return True
    finally:
        os.close(handle)
    return False


def _refuse_foreign(out: Path) -> None:
    """A study's folder has its lock file from the first moment; else the files are others'."""
    is_study = (out / ".lock").exists()
    for name in STUDY_NAMES:
        path = out / name
        if path.is_dir():
            raise InputError(f"{path} is a folder where a study has a file; move it away")
        if path.exists() and not is_study:
            raise InputError(f"{out} has a {name} that no study made; choose another --out")


def _sweep(out: Path) -> None:
    """Remove what a killed process left; other files in the folder are the person's."""
    _remove(out, _OF_STUDY)
    for folder in (out / "runs").glob("*-" + "[0-9a-f]" * 8):
        _remove(folder, _OF_RUN)
        _remove(folder / "images", _OF_PICTURES)


def _remove(folder: Path, names: re.Pattern[str]) -> None:
    """Remove the regular files of these names in a folder of the study itself."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        if names.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            path.unlink()


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
