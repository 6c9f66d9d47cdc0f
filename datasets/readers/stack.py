"""stack:DIR - focus stacks; the sharp member is a merged picture, one position, or none."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from defocus.datasets.layouts.layout import Described, read_described
from defocus.datasets.opening import opened
from defocus.datasets.pair import (
    OWN_PICTURES,
    Dataset,
    Pair,
    ReaderCard,
    Split,
    scene_splits,
    sorted_by_id,
)
from defocus.datasets.pair_files import legal_id
from defocus.errors import DatasetError
from defocus.pictures import picture_name
from defocus.pictures.raw import is_raw
from defocus.pictures.read import is_picture_file
from defocus.processes.isolation import LeftOut, attempt

# A frame that is there as a RAW file and as a developed picture counts once, as the latter. A
# picture in focus everywhere, which another program merged from the frames, is known by its name;
# it is beside the frames, or beside their folder.
_NAMES = r"((image_)?all[-_]in[-_]focus|expected|fused|merged|helicon(_focus)?)"
MERGED = re.compile(_NAMES, re.IGNORECASE)
"""Names, without suffix, of a merged picture; a longer name (``expected_mask``) is another file."""
BESIDE = re.compile(_NAMES + r"[-_].*", re.IGNORECASE)
SPLITS: dict[str, Split] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
NO_STACKS = {"__MACOSX"}


@dataclass(frozen=True)
class Stack:
    """One focus stack: two or more frames, in the order of the numbers in their names."""

    name: str  # path of its folder below the given one, with ``/``
    scene: str  # the first folder in which stacks differ
    split: Split | None  # by the name of a folder; None if there is none
    frames: tuple[Path, ...]
    merged: Path | None  # the picture in focus everywhere beside them


def find_stacks(root: Path) -> tuple[tuple[Stack, ...], tuple[LeftOut, ...]]:
    """All stacks in a folder (or the folder as one stack), by name; and what is left out."""
    frames_of: dict[Path, tuple[Path, ...]] = {}
    left_out: list[LeftOut] = []
    for folder in _folders(root):
        frames = attempt(folder.relative_to(root).as_posix(), partial(_frames, folder))
        if isinstance(frames, LeftOut):
            left_out.append(frames)
        elif len(frames) > 1:
            frames_of[folder] = frames
    if left_out and not frames_of:
        raise DatasetError(left_out[0].reason)
    kept = dict(frames_of)
    for folder in frames_of:
        if _repeated(folder, frames_of):
            del kept[folder]
    if not kept:
        raise DatasetError(
            f"{root}: no focus stack there; a stack is a folder with two pictures or more"
        )
    stacks = _stacks(root, kept)
    return tuple(sorted(stacks, key=lambda stack: stack.name)), tuple(left_out)


def _stacks(root: Path, kept: Mapping[Path, tuple[Path, ...]]) -> list[Stack]:
    """The stacks of folders, named by their path."""
    below = {folder: folder.relative_to(root).parts for folder in kept}
    common = _common(below.values())
    by_split = all(
        len(parts) > common and parts[common] in SPLITS for parts in below.values()
    )
    stacks = []
    for folder, frames in kept.items():
        parts = below[folder]
        split = SPLITS[parts[common]] if by_split else None
        scene = "-".join(parts[common : common + 1 + by_split])
        stacks.append(
            Stack(
                name="/".join(parts) or root.name,
                scene=scene or root.name,
                split=split,
                frames=frames,
                merged=_merged(
                    folder,
                    root,
                    alone=sum(one.parent == folder.parent for one in kept) == 1,
                ),
            )
        )
    return stacks


def _folders(root: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise DatasetError(
            f"{error.filename}: cannot be read ({error.strerror})"
        ) from error

    for folder, folders, _ in os.walk(root, onerror=refuse):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in NO_STACKS
        )
        yield Path(folder)


def _pictures(folder: Path) -> list[Path]:
    pictures = filter(is_picture_file, folder.iterdir())
    return [path for path in pictures if not path.is_dir()]


def _frames(folder: Path) -> tuple[Path, ...]:
    by_stem: dict[str, Path] = {}
    for path in sorted(_pictures(folder)):
        if MERGED.fullmatch(path.stem) or BESIDE.fullmatch(path.stem):
            continue
        other = by_stem.get(path.stem)
        if other is None or is_raw(other):
            by_stem[path.stem] = path
        elif not is_raw(path):
            raise DatasetError(f"{path}: {other.name} is there too; remove one of them")
    return tuple(sorted(by_stem.values(), key=_natural))


def _natural(path: Path) -> tuple[tuple[int, str], ...]:
    """Sort key by which ``step10`` comes after ``step9``."""
    parts = re.split(r"(\d+)", path.stem)
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in parts)


def _repeated(folder: Path, frames_of: dict[Path, tuple[Path, ...]]) -> bool:
    """Whether the frames are RAW files that a folder beside this one has developed."""
    frames = frames_of[folder]
    if not all(map(is_raw, frames)):
        return False
    stems = {path.stem for path in frames}
    for other, there in frames_of.items():
        if other != folder and other.parent == folder.parent:
            developed = not any(map(is_raw, there))
            if developed and {path.stem for path in there} == stems:
                return True
    return False


def _common(paths: Iterable[tuple[str, ...]]) -> int:
    """Number of leading folders in the paths of all stacks; a stack's own folder does not count."""
    common = 0
    for names in zip(*(parts[:-1] for parts in paths), strict=False):
        if len(set(names)) > 1:
            break
        common += 1
    return common


def _merged(folder: Path, root: Path, *, alone: bool) -> Path | None:
    """The merged picture beside the frames, or beside the folder of the only stack there."""
    places = [folder]
    if folder != root and alone:
        places.append(folder.parent)
    for place in places:
        pictures = sorted(
            path for path in _pictures(place) if MERGED.fullmatch(path.stem)
        )
        if pictures:
            return pictures[0]
    return None


CARD = ReaderCard(
    title="focus stacks",
    source="your own disk, a focus rail or a focus motor",
    licence=OWN_PICTURES,
    redistributable=True,
    defects=(
        "frames differ by focus breathing: align or compensate them before training",
        "a merged picture has the errors of the program that merged it; it is not ground truth",
    ),
)


class SharpFrame(Described):
    """A TOML file that is given instead of the folder of the stacks."""

    # Every frame's sharp member is the merged picture in focus everywhere, the frame at a position
    # from 1, or none; left out: the merged picture where there is one.

    sharp: Literal["merged", "none"] | Annotated[int, Field(ge=1)] | None = None


def read(path: Path) -> Dataset:
    """Open every frame of a stack, or of all stacks in a folder, as the blurry member of a pair."""
    root, choice = (
        (path, SharpFrame()) if path.is_dir() else read_described(SharpFrame, path)
    )
    stacks, left_out = find_stacks(root)
    splits = _splits(stacks)
    pairs: list[Pair] = []
    for stack in stacks:
        pairs += _pairs(stack, choice, splits[stack.scene])
    return opened("stack", root, tuple(sorted_by_id(pairs)), left_out=left_out)


def _splits(stacks: Iterable[Stack]) -> dict[str, Split]:
    """Splits of the scenes: by folders named after them, else by a hash of the name."""
    drawn = scene_splits(stack.scene for stack in stacks)
    return {stack.scene: stack.split or drawn[stack.scene] for stack in stacks}


def _pairs(stack: Stack, choice: SharpFrame, split: Split) -> Iterator[Pair]:
    sharp = _sharp(stack, choice)
    name = stack.name.replace("/", "-")
    for position, frame in enumerate(stack.frames, start=1):
        if frame == sharp:
            continue
        place: dict[str, int | str] = {
            "position": position,
            "positions": len(stack.frames),
        }
        if sharp is not None and sharp == stack.merged:
            place["sharp"] = "merged"
        own_id = legal_id(f"{name}-{frame.stem}")
        metadata = MappingProxyType({"focus_stack": place})
        yield Pair(own_id, stack.scene, split, frame, sharp, metadata=metadata)


def _sharp(stack: Stack, choice: SharpFrame) -> Path | None:
    folder = stack.frames[0].parent
    if choice.sharp == "none":
        return None
    if isinstance(choice.sharp, int):
        if choice.sharp > len(stack.frames):
            raise DatasetError(
                f"{folder}: position {choice.sharp} of {len(stack.frames)} frames; choose another"
            )
        return stack.frames[choice.sharp - 1]
    if choice.sharp == "merged" and stack.merged is None:
        raise DatasetError(
            f"{folder}: no merged picture, such as {picture_name('all-in-focus')}; make one with "
            f"'defocus-data fuse {folder} --out DIR'"
        )
    return stack.merged
