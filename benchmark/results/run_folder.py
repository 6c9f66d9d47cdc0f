"""Folder of one run: its files beside those of its training."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from defocus.errors import InputError
from defocus.files import make_folder, sha256_file, write_json
from defocus.isolation import LeftOut
from defocus.reading import read_json
from defocus.training.record.folder import CHECKPOINT, TRAINING, set_aside

if TYPE_CHECKING:  # a folder is described without what datasets need
    from defocus.datasets.pair import Dataset

__all__ = [
    "AGAIN",
    "FAILURE",
    "checkpoint_is",
    "is_repeated",
    "run_folder",
    "stamp",
    "training_folder",
    "training_left_out",
]

AGAIN = "again.json"
"""The file that says that a run is to be repeated, until it is; see ``repeating``."""

FAILURE = "failure.txt"


def run_folder(out: Path, run: str) -> Path:
    """Folder of a run; a name from a stranger's store that leads outside is refused."""
    if Path(run).name != run or run == "..":
        raise InputError(f"{out}: its store names the run {run!r}, which is no folder's name")
    return out / "runs" / run


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
    data = {"dataset": dataset.name, "data_hash": dataset.content_hash}
    lacking = tuple(left_out)
    before = {one.id for one in training_left_out(folder)}
    if (folder / CHECKPOINT).is_file() and before != {one.id for one in lacking}:
        set_aside(folder / CHECKPOINT, "other training pairs can be read now")
    kept = _sources(folder / TRAINING) if (folder / CHECKPOINT).is_file() else {}
    without = {"left_out": [one.to_json() for one in lacking]} if lacking else {}
    write_json(folder / TRAINING, {"run": run, **facts, **data, **without, **sources, **kept})
    return folder


def training_left_out(folder: Path) -> tuple[LeftOut, ...]:
    """The pairs that a training is without, as a file cannot be read; empty if none is recorded."""
    try:
        found = read_json(folder / TRAINING).get("left_out", [])
        return tuple(LeftOut(str(one["id"]), str(one["reason"])) for one in found)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ()


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
    """Whether the checkpoint has this hash; a deleted one counts as unchanged."""
    path = folder / CHECKPOINT
    if not sha256 or not path.exists():
        return True
    return path.is_file() and (stamp(path) == known_stamp or sha256_file(path) == sha256)
