"""Notes of tables on test pictures that are in training or validation too, or resemble them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from defocus.progress import counted, several
from defocus.reading import read_json

STUDY = "study.json"
"""The file of a study that describes its datasets and what was left out of them."""


def seen_notes(out: Path, dataset: str, data_revision: str) -> list[str]:
    """Notes on one dataset of a study, known by its name and the beginning of its hash."""
    notes: list[str] = []
    for facts in _datasets(out / STUDY):
        same = str(facts.get("data_hash", "")).startswith(data_revision)
        if same and facts.get("dataset") == dataset:
            notes += _notes(dataset, facts)
    return notes


def new_because(out: Path, run: str) -> str:
    """Why a run of a study was trained anew; empty if it was not, or nobody knows."""
    try:
        return str(read_json(out / STUDY)["reasons"].get(run, ""))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def _datasets(path: Path) -> list[Mapping[str, Any]]:
    """The file's facts on datasets; none if it is missing or damaged."""
    try:
        datasets = read_json(path)["datasets"]
        return [one for one in datasets if isinstance(one, dict)]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _notes(dataset: str, facts: Mapping[str, Any]) -> Iterator[str]:
    left_out = facts.get("seen_left_out", [])
    if left_out:
        names = several([f"{one['id']}, as {one['reason']}" for one in left_out])
        yield (
            f"{counted(len(left_out), 'test pair')} of {dataset} left out, being in training or "
            f"validation too: {names}."
        )
    resembling = facts.get("near_copies", [])
    if resembling:
        yield f"{resembling_words(dataset, resembling)}."


def resembling_words(dataset: str, copies: Sequence[Mapping[str, str]]) -> str:
    """Which test pictures resemble pictures of training or validation, in words."""
    tests = set()
    splits = set()
    names = []
    for one in copies:
        tests.add(one["test"])
        splits.add(_SPLIT_WORDS.get(one["split"], one["split"]))
        names.append(f"{one['test']} and {one['other']} ({one['what']})")
    verb = "resembles a picture" if len(tests) == 1 else "resemble pictures"
    return (
        f"{counted(len(tests), 'test picture')} of {dataset} {verb} of "
        f"{' and '.join(sorted(splits))}: {several(names)}"
    )


_SPLIT_WORDS = {"train": "training"}
