"""Folder of one run: its files beside those of its training."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from defocus.errors import InputError
from defocus.files import make_folder, sha256_file, write_json
from defocus.reading import read_json
from defocus.training.record.folder import CHECKPOINT

if TYPE_CHECKING:  # a folder is described without what datasets need
    from defocus.datasets.pair import Dataset

__all__ = [
    "AGAIN",
    "FAILURE",
    "TRAINING",
    "checkpoint_is",
    "is_repeated",
    "run_folder",
    "stamp",
    "training_folder",
]

AGAIN = "again.json"
"""The file that says that a run is to be repeated, until it is; see ``repeating``."""

FAILURE = "failure.txt"
TRAINING = "training.json"
"""What a training is of: its run's facts and its dataset."""


def run_folder(out: Path, run: str) -> Path:
    """Folder of a run of a study.

    Raises:
        InputError: The name leads outside the study; a store may come from anybody.
    """
    if Path(run).name != run or run == "..":
        raise InputError(f"{out}: its store names the run {run!r}, which is no folder's name")
    return out / "runs" / run


def training_folder(
    out: Path,
    run: str,
    facts: Mapping[str, Any],
    dataset: "Dataset",
    sources: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """Make the folder of a training, with a record of its identity.

    Args:
        out: Folder of the study.
        run: Id of the run.
        facts: Facts of the run.
        dataset: Dataset that it trains on.
        sources: Sources of plug-ins that it begins with; a training that goes on keeps its first.

    Raises:
        StorageError: The folder cannot be written.
    """
    folder = make_folder(run_folder(out, run))
    data = {"dataset": dataset.name, "data_hash": dataset.content_hash}
    kept = _sources(folder / TRAINING) if (folder / CHECKPOINT).is_file() else {}
    write_json(folder / TRAINING, {"run": run, **facts, **data, **sources, **kept})
    return folder


def _sources(training: Path) -> dict[str, Any]:
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
    """Whether the checkpoint has this hash; a deleted one counts as unchanged.

    Args:
        folder: Folder of the run.
        sha256: SHA-256 hash of the file when the run finished; empty for a run that trained
            nothing.
        known_stamp: :func:`stamp` of the file at that time.
    """
    path = folder / CHECKPOINT
    if not sha256 or not path.exists():
        return True
    return path.is_file() and (stamp(path) == known_stamp or sha256_file(path) == sha256)
