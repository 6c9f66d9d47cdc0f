"""Folder of one run: its files, and checkpoint facts readable without torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defocus.errors import InputError
from defocus.files import make_folder, sha256_file, write_json
from defocus.progress import say

if TYPE_CHECKING:  # a folder is told of without what datasets need
    from defocus.datasets.pair import Dataset

__all__ = [
    "AGAIN",
    "CHECKPOINT",
    "CURVE",
    "FAILURE",
    "METADATA",
    "TRAINING",
    "checkpoint_is",
    "code_of",
    "is_repeated",
    "run_folder",
    "set_aside",
    "stamp",
    "steps_done",
    "training_finished",
    "training_folder",
]

AGAIN = "again.json"
"""The file that says that a run is to be repeated, until it is; see ``repeating``."""

CHECKPOINT = "checkpoint.safetensors"
CURVE = "train.csv"
FAILURE = "failure.txt"
TRAINING = "training.json"
"""What a training is of: its run's facts and its dataset."""

METADATA = "checkpoint"
"""The entry of a checkpoint's metadata that holds, as JSON, run, step, steps, code and hash."""

_LONGEST_HEADER = 100_000_000


def run_folder(out: Path, run: str) -> Path:
    """Folder of a run of a study.

    Raises:
        InputError: The name leads outside the study; a store may come from anybody.
    """
    if Path(run).name != run or run == "..":
        raise InputError(f"{out}: its store names the run {run!r}, which is no folder's name")
    return out / "runs" / run


def training_folder(out: Path, run: str, facts: Mapping[str, Any], dataset: "Dataset") -> Path:
    """Make the folder of a training, with a record of its identity.

    Args:
        out: Folder of the study.
        run: Id of the run.
        facts: Facts of the run.
        dataset: Dataset that it trains on.

    Raises:
        StorageError: The folder cannot be written.
    """
    folder = make_folder(run_folder(out, run))
    data = {"dataset": dataset.name, "data_hash": dataset.content_hash}
    write_json(folder / TRAINING, {"run": run, **facts, **data})
    return folder


def training_finished(folder: Path) -> bool:
    """Whether the checkpoint's header says that all steps are done; its content is not checked."""
    found = steps_done(folder)
    return found is not None and found[0] == found[1]


def steps_done(folder: Path) -> tuple[int, int] | None:
    """Steps done and all steps, from the checkpoint's header; None if there is no readable one."""
    facts = _facts(folder)
    return None if facts is None else (facts[0], facts[1])


def code_of(folder: Path) -> str:
    """The versions of this package that trained the checkpoint; empty if there is none."""
    facts = _facts(folder)
    return "" if facts is None else facts[2]


def is_repeated(folder: Path) -> bool:
    """Whether the repetition of a run was requested and is not yet stored."""
    return (folder / AGAIN).is_file()


def _facts(folder: Path) -> tuple[int, int, str] | None:
    """Steps done, all steps and code versions from the checkpoint's header."""
    try:
        with (folder / CHECKPOINT).open("rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            if length > _LONGEST_HEADER:
                return None
            metadata = json.loads(handle.read(length))["__metadata__"]
        facts = json.loads(metadata[METADATA])
        return int(facts["step"]), int(facts["steps"]), str(facts["code"])
    except (FileNotFoundError, IsADirectoryError, ValueError, LookupError, TypeError):  # damaged
        return None


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


def set_aside(path: Path, reason: str) -> None:
    """Rename a damaged file and report it on stderr; its run starts again."""
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    say(f"{path}: {reason}; renamed to {aside.name}; the run starts again")
