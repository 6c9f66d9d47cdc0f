"""Match externally restored pictures to their references by file name and size."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from defocus.datasets.layouts.matching import Rule, match_names
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import ImageError, InputError
from defocus.pictures.read import IMAGE_SUFFIXES

Crop = Literal["centre"]
"""The part that is scored of pictures whose sizes are nearly equal."""

FEW_PX = 8
MULTIPLES = (16, 32, 64)
LARGEST_SHARE = 4
"""Sides that differ by more than one part in this many do not differ by a border that was cut
off."""

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class CommonCentre:
    """The scored part of a picture of another size than its reference; sizes as ``1679x1120``."""

    restored: str
    reference: str
    scored: str
    px: int


def size_words(size: Sequence[int]) -> str:
    """Width and height, ``1679x1120``, of ``(H, W, …)``."""
    return f"{size[1]}x{size[0]}"


def nearly_equal(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two sizes ``(H, W, …)`` differ by a few pixels, or by cropping to a multiple."""
    sides = zip(first[:2], second[:2], strict=True)
    return all(_near(min(both), max(both)) for both in sides)


def _near(small: int, large: int) -> bool:
    apart = large - small
    if apart * LARGEST_SHARE > large:
        return False
    if apart <= FEW_PX:
        return True
    for multiple in MULTIPLES:
        cut = large - large % multiple
        filled = small + -small % multiple
        if cut == small or filled == large:
            return True
    return False


def common_size(restored: NDArray[Any], reference: NDArray[Any]) -> Size:
    """The size of the centre that two pictures of nearly equal size have in common."""
    if not nearly_equal(restored.shape, reference.shape):
        raise ImageError(
            f"restored {size_words(restored.shape)}, to compare with "
            f"{size_words(reference.shape)}: too different for a common centre; "
            f"the sides may differ by {FEW_PX} px, or by a cut to a multiple of up to "
            f"{MULTIPLES[-1]}"
        )
    height = min(restored.shape[0], reference.shape[0])
    width = min(restored.shape[1], reference.shape[1])
    return height, width


def corner_of(picture: NDArray[Any], size: Size) -> Size:
    """Row and column at which the centre of that size begins in a picture."""
    height, width = size
    full_height, full_width = picture.shape[:2]
    top = (full_height - height) // 2
    left = (full_width - width) // 2
    return top, left


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

    files: list[tuple[Subject, Path]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    words: str = ""


def folder_subjects(sharp: Path) -> list[Subject]:
    """One subject per picture of a folder and its sub-folders, by name."""
    files = _pictures(sharp)
    if not files:
        raise InputError(
            f"{sharp}: no pictures in it; give the folder of the sharp ones"
        )
    return [
        Subject(path.relative_to(sharp).as_posix(), path, (key,)) for key, path in files
    ]


def dataset_subjects(dataset: Dataset) -> list[Subject]:
    """One subject per test pair; its id or the stem of one of its files names its output."""
    pairs = dataset.split("test")
    if not pairs:
        raise InputError(f"{dataset.name} has no test pairs to compare with")
    stems: Counter[str] = Counter()
    for pair in pairs:
        stems.update(_names(pair))
    subjects = []
    for pair in pairs:
        names = [n for n in _names(pair) if stems[n] == 1 or n == pair.id]
        subjects.append(Subject(pair.id, pair.sharp, tuple(names), pair))
    return subjects


def _names(pair: Pair) -> Sequence[str]:
    sharp = [pair.sharp.stem] if pair.sharp is not None else []
    return sorted({pair.id, pair.blurry.stem, *sharp})


def match(
    restored: Path,
    subjects: Sequence[Subject],
    rule: Rule | None = None,
) -> Match:
    """Pair restored files with subjects by their paths without suffix, by the rule that fits."""
    files = dict(_pictures(restored))
    keys = {each.name: each.keys for each in subjects}
    try:
        named = match_names(keys, list(files), rule)
    except InputError as error:
        raise InputError(f"{restored}: {error}") from error
    pairs = []
    missing = []
    for each in subjects:
        if each.name in named.files:
            file = named.files[each.name]
            pairs.append((each, files.pop(file)))
        else:
            missing.append(each.name)
    extra = [path.relative_to(restored).as_posix() for path in files.values()]
    return Match(pairs, missing, extra, named.words)


def match_file(restored: Path, sharp: Path) -> Match:
    """A single restored file with its sharp picture, whatever their names."""
    for path in (restored, sharp):
        if not path.is_file():
            wrong = "a folder beside a file" if path.is_dir() else "no such file"
            raise InputError(f"{path}: {wrong}; give two pictures, or two folders")
    words = f"the command: {restored} with {sharp}"
    return Match(
        [(Subject(restored.name, sharp, (restored.stem,)), restored)], words=words
    )


def _pictures(folder: Path) -> list[tuple[str, Path]]:
    """Picture files of a folder by their relative paths without suffix."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; check the path")
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not hidden:
            name = inside.with_suffix("").as_posix()
            files[name].append(path)
    pictures = []
    for name, (first, *others) in files.items():
        if others:
            raise InputError(
                f"{first} and {others[0]} differ in suffix alone; keep one"
            )
        pictures.append((name, first))
    return pictures
