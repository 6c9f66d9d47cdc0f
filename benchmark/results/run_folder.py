"""Folder of one run: its own files and those of its training, its provenance, left-out pairs."""

import contextlib
import importlib.metadata
import os
import platform
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from defocus import __version__
from defocus.benchmark.results.store import STORE, Results, read_results
from defocus.commit import own_commit
from defocus.errors import (
    NO_MEMORY,
    STORAGE_ERRNOS,
    DatasetError,
    DefocusError,
    ImageError,
    InputError,
    InterruptedWorkError,
    KilledError,
    StorageError,
    lacks_memory,
    what_program_lacks,
)
from defocus.plugins.extensions import plugin_of
from defocus.processes.isolation import LeftOut, cut, plugin_fault
from defocus.progress import counted
from defocus.reading import Json, read_json
from defocus.storage.files import make_folder, sha256_file, write_json, write_text
from defocus.training.record.folder import CHECKPOINT, TRAINING, set_aside

if TYPE_CHECKING:  # a folder is described without what datasets need
    from defocus.datasets.pair import Dataset

_LIBRARIES = (
    "torch",
    "numpy",
    "opencv-python-headless",
    "scikit-image",
    "scipy",
    "lpips",
    "h5py",
)


RUNS = "runs"
"""Folder of the runs, in a study's folder."""


def package_version() -> str:
    """Version and commit, ``0.1.0+abc1234``, to show; it never decides what is repeated."""
    commit = own_commit()
    return f"{__version__}+{commit}" if commit else __version__


def library_versions() -> dict[str, str]:
    """Versions of Python, this package and the numerical libraries, without importing them."""
    versions = {"python": platform.python_version(), "defocus": package_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        # another build of it, such as opencv
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "unknown"
    return versions


def machine() -> dict[str, str | int]:
    """Description of the machine, without its name: operating system, architecture, cores."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else 0,
    }


AGAIN = "again.json"
"""File of a run that is to be repeated, until that has begun; see ``repeating``."""

FAILURE = "failure.txt"

RECORD = "run.json"
"""Record of an evaluated run: its facts, its dataset, and the pairs that are left out."""

LATER = "measured alone, when the other runs are done"
"""Why a run has no seconds yet: it shared the machine with others."""

KEPT_SCORES = "scores.jsonl"
"""Scores of single pictures, a line each; see ``evaluation/kept_scores.py``."""


WAITING = "waiting"
"""Folder of restored pictures that wait to be scored in other processes; see
``evaluation/picture_scores.py``."""

ORIGIN = "taken_from"
"""The name in ``run.json`` of where the scores of a run come from, if they are another study's."""


def run_folder(out: Path, run: str) -> Path:
    """Folder of a run; a name from a stranger's store that leads outside is refused."""
    if Path(run).name != run or run == "..":
        raise InputError(
            f"{out}: its store names the run {run!r}, which is not a folder's name"
        )
    return out / RUNS / run


def training_folder(
    out: Path,
    run: str,
    facts: Mapping[str, Any],
    dataset: "Dataset",
    sources: Mapping[str, Any] = MappingProxyType({}),
    left_out: Iterable[LeftOut] = (),
) -> Path:
    """Make the folder of a training, with a record of its identity."""
    # A checkpoint that was trained without other pairs is set aside: it is of another training.
    folder = make_folder(run_folder(out, run))
    data = {"dataset": dataset.name, "data_hash": dataset.training_hash}
    lacking = tuple(left_out)
    before = {one.id for one in training_left_out(folder)}
    if (folder / CHECKPOINT).is_file() and before != {one.id for one in lacking}:
        set_aside(folder / CHECKPOINT, "other training pairs can be read now")
    kept = _sources(folder / TRAINING) if (folder / CHECKPOINT).is_file() else {}
    without = {"left_out": [one.to_json() for one in lacking]} if lacking else {}
    write_json(
        folder / TRAINING, {"run": run, **facts, **data, **without, **sources, **kept}
    )
    return folder


def training_left_out(folder: Path) -> tuple[LeftOut, ...]:
    """The pairs that a training lacks because of an unreadable file; empty if none is recorded."""
    try:
        return _left_out(read_json(folder / TRAINING), "left_out")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ()


def unread_by_run(folder: Path) -> tuple[LeftOut, ...]:
    """The pairs that the dataset of a run lacked, which its record names; empty if none."""
    try:
        return _left_out(read_json(folder / RECORD), "left_out")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ()


def _left_out(record: Mapping[str, Any], *names: str) -> tuple[LeftOut, ...]:
    """What some lists of a record leave out."""
    left_out = []
    for name in names:
        for one in record.get(name, []):
            pair = str(one["id"])
            reason = str(one["reason"])
            left_out.append(LeftOut(pair, reason))
    return tuple(left_out)


def _sources(training: Path) -> Json:
    try:
        return {"sources": read_json(training)["sources"]}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def is_repeated(folder: Path) -> bool:
    """Whether the repetition of a run was requested and is not yet stored."""
    return (folder / AGAIN).is_file()


def stamp(path: Path) -> str:
    """Size and modification time of a file; while both stay, its content is not read again."""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def checkpoint_is(folder: Path, sha256: str, known_stamp: str) -> bool:
    """Whether the checkpoint has this hash; a deleted one counts as unchanged."""
    path = folder / CHECKPOINT
    if not sha256 or not path.exists():
        return True
    return path.is_file() and (
        stamp(path) == known_stamp or sha256_file(path) == sha256
    )


UNREAD = "not read: "
"""First words of the reason why a picture was left out of the scores."""

_FEWER = ", without "


def left_out_of_run(results: Results, run: str) -> tuple[LeftOut, ...]:
    """The test pairs that a stored run lacks, because a picture could not be read."""
    unread = results.without_value(run, UNREAD)
    return tuple(LeftOut(pair, reason.removeprefix(UNREAD)) for pair, reason in unread)


def left_out_of_study(out: Path) -> tuple[LeftOut, ...]:
    """The pairs that stored runs of a study, their datasets or trainings are without."""
    if not (out / STORE).is_file():
        return ()
    left_out: dict[LeftOut, None] = {}
    with read_results(out / STORE) as results:
        for entry in results.entries():
            with contextlib.suppress(
                OSError,
                ValueError,
                LookupError,
                TypeError,
                AttributeError,
            ):
                record = read_json(run_folder(out, entry.run) / RECORD)
                left_out |= dict.fromkeys(
                    _left_out(record, "left_out", "training_left_out")
                )
            left_out |= dict.fromkeys(left_out_of_run(results, entry.run))
    return tuple(sorted(left_out, key=lambda one: one.id))


def fewer_words(pairs: int) -> str:
    """Ending of a training dataset's name in the rows of a training that is without some pairs."""
    return f"{_FEWER}{counted(pairs, 'pair')}" if pairs else ""


def trained_datasets(train_dataset: str) -> tuple[str, ...]:
    """The names of an entry's training datasets, whole or without some pairs."""
    names = (name.partition(_FEWER)[0] for name in train_dataset.split("+"))
    return tuple(name for name in names if name)


CRASHES = (Exception, SystemExit)
"""Errors of any kind that a faulty system raises (its weights file may be missing, its module may
not import): its run fails and the study goes on. A full disk and the person's Ctrl-C end the
study."""

OURS = (StorageError, DatasetError, ImageError, InterruptedWorkError, KilledError)
"""Errors for which no system is to blame: the study stops."""


def write_failure(error: BaseException, folder: Path, source_hash: str = "") -> str:
    """Write an error's traceback into a run's folder; return the error as one line."""
    if what_program_lacks(error) or (
        isinstance(error, OSError) and error.errno in STORAGE_ERRNOS
    ):
        raise error
    write_text(folder / FAILURE, "".join(traceback.format_exception(error)))
    return one_line(error, source_hash)


def one_line(error: BaseException, source_hash: str = "") -> str:
    """An error as one line; a fault of a program has its type, one of a plug-in its file too."""
    # Where the code of no plug-in raised it, what the one with the hash gave did.
    if isinstance(error, DefocusError):
        return cut(error, 600)
    if lacks_memory(error):
        return NO_MEMORY
    plugin = plugin_of(source_hash) if source_hash else None
    fault = plugin_fault(error) or (plugin and plugin_fault(error, str(plugin.path)))
    return fault or f"{type(error).__name__}: {cut(error)}"
