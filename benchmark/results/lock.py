"""Locks of a study's folder and of its runs', released by the kernel when their process ends."""

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from defocus.benchmark.results.run_folder import AGAIN, FAILURE, KEPT_SCORES, run_folder
from defocus.benchmark.results.store import STORE
from defocus.errors import DefocusError, InputError
from defocus.pictures import PICTURE_SUFFIX
from defocus.progress import say
from defocus.storage.files import (
    make_folder,
    remove_abandoned_file,
    require_writable,
    storing,
    try_lock,
)
from defocus.storage.staging import (
    HELD_SECONDS,
    TENSORS,
    owned_folder,
    owner_file,
    remove_abandoned,
)
from defocus.training.record.folder import (
    BEST,
    CHECKPOINT,
    CURVE,
    SELECTION,
    TRAINING,
    VALIDATION,
)


def _temporary(*names: str) -> re.Pattern[str]:
    """Pattern of the temporary files that :func:`atomic_path` makes for these names."""
    paths = [Path(name) for name in names]
    parts = [
        rf"\.{re.escape(p.stem)}-[a-z0-9_]{{8}}\.part{re.escape(p.suffix)}"
        for p in paths
    ]
    return re.compile("|".join(parts))


PATIENCE_SECONDS = 0.5
"""Seconds for which a process tries to get the lock: whoever reads a study holds it for a
moment."""

STUDY_NAMES = (
    "leaderboard.csv",
    "report.html",
    "report.pdf",
    "request.json",
    "study.json",
)
"""Files at the top of a study that it replaces; a foreign ``results.sqlite`` is refused
elsewhere."""

_OF_STUDY = _temporary(*STUDY_NAMES, ".report.json")
_OF_RUN = _temporary(
    "run.json",
    "outputs.json",
    KEPT_SCORES,
    AGAIN,
    FAILURE,
    SELECTION,
    TRAINING,
    CURVE,
    VALIDATION,
    BEST,
    CHECKPOINT,
)
_OF_TENSORS = re.compile(r"\.tmp[0-9A-Za-z]{6}")
"""Name of a temporary file of the library for tensors, left where an earlier version was killed."""

_OF_OUTPUTS = re.compile(r"\..+-[a-z0-9_]{8}\.part\.npz")
_OF_PICTURES = re.compile(
    rf"\..+\.(blurry|restored|sharp|truth)-[a-z0-9_]{{8}}\.part{re.escape(PICTURE_SUFFIX)}"
)


@contextlib.contextmanager
def study_lock(out: Path) -> Iterator[None]:
    """Hold the lock of a study's folder (created if absent) while the block runs."""
    # The kernel holds the lock on the file ``.lock``, so a killed process leaves no lock behind.
    _refuse_foreign(out)
    make_folder(out)
    path = out / ".lock"
    with storing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock_patiently(handle, out)
        _sweep(out)
        yield
    finally:
        os.close(handle)


AGAIN_SECONDS = 0.5
"""Seconds between two looks whether another process has left the folder of a run."""


@contextlib.contextmanager
def run_lock(out: Path, run: str) -> Iterator[None]:
    """Have the folder of a run while the block runs; wait for another process that has it."""
    # A worker of another machine goes on with its training when the command is killed, which has
    # the lock of the study.
    folder = run_folder(out, run)
    named = owner_file(folder)
    latest = time.monotonic() + HELD_SECONDS
    while True:
        with owned_folder(folder) as owned:
            if owned:
                yield
                return
        # a file stays where its process was killed: nobody can wait for that
        if named.is_file() and time.monotonic() > latest:
            raise DefocusError(
                f"{run}: another process has its folder; if none works there, remove {named} and "
                "give the same command again"
            )
        time.sleep(AGAIN_SECONDS)


def tell_busy(out: Path, runs: Iterable[str]) -> None:
    """Say which runs wait for a process that still works on them."""
    for run in runs:
        folder = run_folder(out, run)
        if not folder.is_dir():
            continue
        with owned_folder(folder) as owned:
            if not owned:
                say(
                    f"{run}: a worker of an earlier command still works on it; this command waits "
                    f"until it ends{_if_gone(folder)}"
                )


def _if_gone(folder: Path) -> str:
    """Advice where only a file names the process that has a folder."""
    named = owner_file(folder)
    if named.is_file():
        return f", or remove {named} if its computer is gone"
    return ""


def is_locked(out: Path) -> bool:
    """Whether a process works in a study's folder right now; read access is enough."""
    try:
        handle = os.open(out / ".lock", os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not try_lock(handle, shared=True)
    except OSError:  # where there are no locks, none works
        return False
    finally:
        os.close(handle)


def _refuse_foreign(out: Path) -> None:
    """Refuse a folder with files but without a lock file: it is not a study."""
    is_study = (out / ".lock").exists()
    for name in STUDY_NAMES:
        path = out / name
        if path.is_dir():
            raise InputError(
                f"{path} is a folder, but a study needs a file there; move it away"
            )
        if path.exists() and not is_study:
            raise InputError(
                f"{out} has a {name} that is not from a study; choose another --out"
            )


def require_study_folder(out: Path) -> None:
    """Refuse a folder whose files are no study's, or that cannot be written, before any work."""
    if out.is_dir():
        names = (".lock", STORE, *STUDY_NAMES)
        is_study = any((out / name).exists() for name in names)
        if not is_study and any(out.iterdir()):
            raise InputError(
                f"{out}: has other files in it; choose a new folder for --out"
            )
    require_writable(out)


def _sweep(out: Path) -> None:
    """Remove temporary files of a killed process; other files may belong to the user."""
    _remove(out, _OF_STUDY)
    for folder in (out / "runs").glob("*-" + "[0-9a-f]" * 8):
        _remove(folder, _OF_RUN)
        _remove(folder, _OF_TENSORS)
        if folder.is_dir() and not folder.is_symlink():
            remove_abandoned(folder, TENSORS, ".part")
        _remove(folder / "images", _OF_PICTURES)
        _remove(folder / "outputs", _OF_OUTPUTS)


def _remove(folder: Path, names: re.Pattern[str]) -> None:
    """Remove the regular files of these names in a folder of the study itself."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        if names.fullmatch(path.name):
            remove_abandoned_file(path)


def _lock_patiently(handle: int, out: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with storing(out / ".lock"):
        while not try_lock(handle):
            if time.monotonic() > deadline:
                raise InputError(
                    f"{out}: another defocus-bench uses this folder; wait until it ends or choose "
                    "another --out"
                )
            time.sleep(0.02)
