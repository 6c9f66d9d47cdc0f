"""Folder of a training: its files, and checkpoint facts readable without torch."""

from pathlib import Path

from defocus.progress import say
from defocus.reading import parse_json

CHECKPOINT = "checkpoint.safetensors"
CURVE = "train.csv"
SELECTION = "selection.json"
VALIDATION = "validation.csv"
BEST = "best.safetensors"
TRAINING = "training.json"
"""File with the identity of a training: the facts of its run, its dataset, and the pairs that were
left out."""

METADATA = "checkpoint"
"""The entry of a checkpoint's metadata that holds, as JSON, run, step, steps, code and hash."""

_LONGEST_HEADER = 100_000_000


def training_finished(folder: Path) -> bool:
    """Whether the checkpoint's header says that all steps are done; its content is not checked."""
    steps = steps_done(folder)
    return steps is not None and steps[0] == steps[1]


def steps_done(folder: Path) -> tuple[int, int] | None:
    """Steps done and all steps, from the checkpoint's header; None if there is no readable one."""
    facts = _facts(folder)
    return None if facts is None else (facts[0], facts[1])


def code_of(folder: Path) -> str:
    """The versions of this package that trained the checkpoint; empty if it has none."""
    facts = _facts(folder)
    return "" if facts is None else facts[2]


def training_of(folder: Path) -> str:
    """Id of the training that the checkpoint belongs to; empty without a readable one."""
    facts = _facts(folder)
    return "" if facts is None else facts[3]


def _facts(folder: Path) -> tuple[int, int, str, str] | None:
    """Steps done, all steps, code versions and id from the checkpoint's header."""
    try:
        with (folder / CHECKPOINT).open("rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            if length > _LONGEST_HEADER:
                return None
            metadata = parse_json(handle.read(length))["__metadata__"]
        facts = parse_json(metadata[METADATA])
        step = int(facts["step"])
        steps = int(facts["steps"])
        return step, steps, str(facts["code"]), str(facts["run"])
    # damaged
    except (FileNotFoundError, IsADirectoryError, ValueError, LookupError, TypeError):
        return None


def set_aside(path: Path, reason: str) -> None:
    """Rename a damaged file and report it on stderr; its run starts again."""
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    say(f"{path}: {reason}; renamed to {aside.name}; the run starts again")
