"""Match externally restored pictures to their references by file name, size, colours and place.

A few are examined for mistakes of saving that spoil all scores alike; none changes a score."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.layouts.matching import Rule, match_names
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import ImageError, InputError
from defocus.images import IMAGE_SUFFIXES
from defocus.progress import counted

LOOKS = 8
"""Pictures that are looked at, evenly spread."""

SMALL_PX = 64
BETTER = 10**0.1
"""Another order of the colours must fit better by 1 dB."""
FITTING = 0.01
"""Mean squared error, 20 dB, above which two small copies do not show the same."""

REACH_PX = 8
PART_PX = 256
LEAST_PX = 4 * REACH_PX
ALIKE = 0.5
"""Correlation below which two parts do not show the same."""
LESS = 0.9
"""What a shift must leave of the variance that is not explained, or it is none."""

Array = NDArray[np.float64]
Offset = tuple[int, int]


@dataclass(frozen=True)
class Look:
    """What one picture shows; ``offset`` is right and down in whole px, None if unclear."""

    colours: str
    offset: Offset | None


def looked_at(number: int) -> set[int]:
    """Which of so many pictures are looked at."""
    many = min(number, LOOKS)
    return {one * number // many for one in range(many)}


def look(restored: Array, reference: Array) -> Look:
    """Look at one picture ``(H, W, 3)`` in [0, 1] beside a reference of the same size."""
    return Look(_colours(restored, reference), _offset(restored, reference))


def warnings_of(looks: Sequence[Look], against: str) -> list[str]:
    """One line for swapped colours of any picture, one for an offset that most pictures have."""
    orders = Counter(one.colours for one in looks if one.colours)
    offsets = Counter(one.offset for one in looks if one.offset is not None)
    said = []
    if orders:  # nothing but another order makes a picture fit so well in it
        order = orders.most_common(1)[0][0]
        mistake = "red and blue were swapped" if order == "BGR" else f"their colours lay as {order}"
        said.append(
            f"the restored pictures look as if {mistake} "
            f"({orders.total()} of {counted(len(looks), 'picture')} looked at): "
            f"{'OpenCV writes BGR; ' if order == 'BGR' else ''}save them as RGB"
        )
    offset, most = offsets.most_common(1)[0] if offsets else ((0, 0), 0)
    if offset != (0, 0) and 2 * most > offsets.total():
        said.append(
            f"the restored pictures are shifted by {offset} px (right, down) against {against} "
            f"({most} of {counted(len(looks), 'picture')} looked at): scores suffer from it"
        )
    return said


def _colours(restored: Array, reference: Array) -> str:
    first, second = _small(restored), _small(reference)
    errors = {
        "".join("RGB"[place] for place in np.argsort(order)): float(
            np.square(first[:, :, order] - second).mean()
        )
        for order in permutations(range(3))
    }
    best = min(errors, key=lambda order: errors[order])
    return best if errors[best] * BETTER < errors["RGB"] and errors[best] < FITTING else ""


def _small(picture: Array) -> Array:
    scale = min(1.0, SMALL_PX / max(picture.shape[:2]))
    height, width = (max(1, round(scale * side)) for side in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small, 0, 1), np.float64)


def _offset(restored: Array, reference: Array) -> Offset | None:
    """The whole-pixel offset with the highest correlation."""
    if min(restored.shape[:2]) < LEAST_PX:
        return None
    first, second = _part(restored), _part(reference)[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
    if not first.std() or not second.std():
        return None
    alike = cv2.matchTemplate(first, np.ascontiguousarray(second), cv2.TM_CCOEFF_NORMED)
    down, right = np.unravel_index(int(np.argmax(alike)), alike.shape)
    best, unmoved = float(alike[down, right]), float(alike[REACH_PX, REACH_PX])
    if not best > ALIKE:
        return None
    if 1 - best > LESS * (1 - unmoved):
        return 0, 0
    return int(right) - REACH_PX, int(down) - REACH_PX


def _part(picture: Array) -> NDArray[np.float32]:
    """The brightness of a part around the centre."""
    top, left = (max(0, (side - PART_PX) // 2) for side in picture.shape[:2])
    part = picture[top : top + PART_PX, left : left + PART_PX].mean(axis=2)
    return np.ascontiguousarray(part, np.float32)


Crop = Literal["centre"]
"""What is scored of pictures whose sizes are nearly equal."""

FEW_PX = 8
MULTIPLES = (16, 32, 64)
LARGEST_SHARE = 4
"""A side that differs by more than one part in so many is not a border that was cut off."""

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class CommonCentre:
    """What was scored of a picture of another size than its reference; sizes as ``1679x1120``."""

    restored: str
    reference: str
    scored: str
    px: int


def size_words(size: Sequence[int]) -> str:
    """Width and height, ``1679x1120``, of ``(H, W, …)``."""
    return f"{size[1]}x{size[0]}"


def nearly_equal(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two sizes ``(H, W, …)`` differ by a few pixels, or by a cut or fill to a multiple."""
    return all(_near(*sorted(sides)) for sides in zip(first[:2], second[:2], strict=True))


def _near(small: int, large: int) -> bool:
    if (large - small) * LARGEST_SHARE > large:
        return False
    cut = any(large - large % multiple == small for multiple in MULTIPLES)
    filled = any(small + -small % multiple == large for multiple in MULTIPLES)
    return large - small <= FEW_PX or cut or filled


def common_size(restored: NDArray[Any], reference: NDArray[Any]) -> Size:
    """The size of the centre that two pictures of nearly equal size have in common."""
    first, second = size_words(restored.shape), size_words(reference.shape)
    if not nearly_equal(restored.shape, reference.shape):
        raise ImageError(
            f"restored {first}, to compare with {second}: too different for a common centre; "
            f"the sides may differ by {FEW_PX} px, or by a cut to a multiple of up to "
            f"{MULTIPLES[-1]}"
        )
    height, width = np.minimum(restored.shape[:2], reference.shape[:2]).tolist()
    return height, width


def corner_of(picture: NDArray[Any], size: Size) -> Size:
    """Where the centre of that size begins in a picture: row and column."""
    return (picture.shape[0] - size[0]) // 2, (picture.shape[1] - size[1]) // 2


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
    pairs = [
        (each, files.pop(named.files[each.name])) for each in subjects if each.name in named.files
    ]
    missing = [each.name for each in subjects if each.name not in named.files]
    extra = [path.relative_to(restored).as_posix() for path in files.values()]
    return Match(pairs, missing, extra, named.words)


def match_file(restored: Path, sharp: Path) -> Match:
    """A single restored file with its sharp picture, whatever their names."""
    for path in (restored, sharp):
        if not path.is_file():
            wrong = "a folder beside a file" if path.is_dir() else "no such file"
            raise InputError(f"{path}: {wrong}; give two pictures, or two folders")
    words = f"the command: {restored} with {sharp}"
    return Match([(Subject(restored.name, sharp, (restored.stem,)), restored)], words=words)


def _pictures(folder: Path) -> list[tuple[str, Path]]:
    """Picture files of a folder by their relative paths without suffix."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; check the path")
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not hidden:
            files[path.relative_to(folder).with_suffix("").as_posix()].append(path)
    for paths in files.values():
        if len(paths) > 1:
            raise InputError(f"{paths[0]} and {paths[1]} differ in suffix alone; keep one")
    return [(key, paths[0]) for key, paths in files.items()]
