"""Match externally restored pictures to their references by file name."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defocus.datasets.layouts.matching import Rule, match_names
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import InputError
from defocus.images import IMAGE_SUFFIXES

__all__ = ["Match", "Subject", "dataset_subjects", "folder_subjects", "match", "match_file"]


@dataclass(frozen=True)
class Subject:
    """One picture that should have been restored."""

    # ``keys`` are relative paths without suffix that a restored file may have.

    name: str
    sharp: Path | None
    keys: tuple[str, ...]
    pair: Pair | None = None


@dataclass(frozen=True)
class Match:
    """Restored files with their subjects, in the subjects' order, and what is left of both."""

    found: list[tuple[Subject, Path]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    words: str = ""


def folder_subjects(sharp: Path) -> list[Subject]:
    """One subject per picture of a folder and its sub-folders, by name."""
    files = _pictures(sharp)
    if not files:
        raise InputError(f"{sharp}: no pictures in it; give the folder of the sharp ones")
    return [Subject(path.relative_to(sharp).as_posix(), path, (key,)) for key, path in files]


def dataset_subjects(dataset: Dataset) -> list[Subject]:
    """One subject per test pair; its id or the stem of one of its files names its output."""
    pairs = dataset.split("test")
    if not pairs:
        raise InputError(f"{dataset.name} has no test pairs to compare with")
    stems = Counter(stem for pair in pairs for stem in _names(pair))
    return [
        Subject(
            pair.id,
            pair.sharp,
            tuple(name for name in _names(pair) if stems[name] == 1 or name == pair.id),
            pair,
        )
        for pair in pairs
    ]


def _names(pair: Pair) -> Sequence[str]:
    sharp = [pair.sharp.stem] if pair.sharp is not None else []
    return sorted({pair.id, pair.blurry.stem, *sharp})


def match(restored: Path, subjects: Sequence[Subject], rule: Rule | None = None) -> Match:
    """Pair restored files with subjects by their paths without suffix, by the rule that fits."""
    files = dict(_pictures(restored))
    try:
        named = match_names({each.name: each.keys for each in subjects}, list(files), rule)
    except InputError as error:
        raise InputError(f"{restored}: {error}") from error
    found = [
        (each, files.pop(named.files[each.name])) for each in subjects if each.name in named.files
    ]
    missing = [each.name for each in subjects if each.name not in named.files]
    extra = [path.relative_to(restored).as_posix() for path in files.values()]
    return Match(found, missing, extra, named.words)


def match_file(restored: Path, sharp: Path) -> Match:
    """A single restored file with its sharp picture, whatever their names."""
    for path in (restored, sharp):
        if not path.is_file():
            wrong = "a folder beside a file" if path.is_dir() else "no such file"
            raise InputError(f"{path}: {wrong}; give two pictures, or two folders")
    return Match([(Subject(restored.name, sharp, (restored.stem,)), restored)], words="two files")


def _pictures(folder: Path) -> list[tuple[str, Path]]:
    """Picture files of a folder by their relative paths without suffix."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; check the path")
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not hidden:
            found[path.relative_to(folder).with_suffix("").as_posix()].append(path)
    for paths in found.values():
        if len(paths) > 1:
            raise InputError(f"{paths[0]} and {paths[1]} differ in suffix alone; keep one")
    return [(key, paths[0]) for key, paths in found.items()]
