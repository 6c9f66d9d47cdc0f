"""Reviewers' decisions about pairs, in an append-only file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from defocus.datasets.curation.rules import Judgement, Verdict
from defocus.errors import DatasetError, storage_error
from defocus.files import sync_folder
from defocus.reading import read_bytes
from defocus.settings import Settings

__all__ = ["DECISIONS", "add_decision", "decided", "read_decisions", "undo_decision"]

DECISIONS = "decisions.jsonl"


class Decision(Settings):
    """One line of the file."""

    id: str
    verdict: Verdict | Literal["undone"]
    reason: str


def read_decisions(folder: Path) -> dict[str, Judgement]:
    """Read the last decision on each pair; those that were undone do not count."""
    return {one.id: one for one in _decisions(folder)}


def undo_decision(folder: Path) -> str:
    """Undo the last decision that stands; the id of its pair, or ValueError if there is none."""
    standing = _decisions(folder)
    if not standing:
        raise ValueError("there is no decision to undo")
    _append(folder, Decision(id=standing[-1].id, verdict="undone", reason=""))
    return standing[-1].id


def _decisions(folder: Path) -> list[Judgement]:
    """Decisions that stand, first to last; an incomplete last line is ignored."""
    path = folder / DECISIONS
    if not path.is_file():
        return []
    found: list[Judgement] = []
    for number, line in enumerate(read_bytes(path).split(b"\n")[:-1], 1):
        try:
            entry = Decision.model_validate_json(line)
        except ValidationError as error:
            raise DatasetError(f"{path}: line {number} is damaged; remove it") from error
        if entry.verdict != "undone":
            found.append(Judgement(entry.id, entry.verdict, entry.reason, "person"))
        elif found:
            found.pop()
    return found


def add_decision(folder: Path, judgement: Judgement) -> None:
    """Add a person's decision; when this returns, it survives a power loss."""
    entry = Decision(id=judgement.id, verdict=judgement.verdict, reason=judgement.reason)
    _append(folder, entry)


def _append(folder: Path, entry: Decision) -> None:
    path = folder / DECISIONS
    line = json.dumps(entry.model_dump()).encode() + b"\n"
    try:
        with path.open("ab+") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)  # a line that was cut short
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
    except OSError as error:
        raise storage_error(error, path) from error


def decided(
    judgements: tuple[Judgement, ...], decisions: Mapping[str, Judgement]
) -> tuple[Judgement, ...]:
    """Judgements by rule, replaced by decisions of people."""
    return tuple(decisions.get(one.id, one) for one in judgements)
