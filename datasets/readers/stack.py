"""stack:DIR - focus stacks; the sharp member is a merged picture, one position, or none."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from defocus.datasets.layouts.layout import legal_id
from defocus.datasets.layouts.stacks import Stack, find_stacks
from defocus.datasets.opening import opened
from defocus.datasets.pair import Dataset, Pair, Split, scene_splits
from defocus.datasets.reader_card import OWN_PICTURES, ReaderCard
from defocus.errors import DatasetError, SettingsError
from defocus.settings import Settings, load_settings

__all__ = ["CARD", "read"]

CARD = ReaderCard(
    title="focus stacks",
    source="your own disk, a focus rail or a focus motor",
    licence=OWN_PICTURES,
    redistributable=True,
    defects=(
        "frames differ by focus breathing: align or compensate them before training",
        "a merged picture has the errors of the program that merged it; it is no ground truth",
    ),
)


class SharpMember(Settings):
    """A TOML file that is given instead of the folder of the stacks; ``root`` is relative to it."""

    # Every frame's sharp member is the merged picture in focus everywhere, the frame at a position
    # from 1, or none; left out: the merged picture where there is one.

    root: str = "."
    sharp: Literal["merged", "none"] | Annotated[int, Field(ge=1)] | None = None


def read(path: Path) -> Dataset:
    """Open every frame of a stack, or of all stacks in a folder, as the blurry member of a pair."""
    root, choice = (path, SharpMember()) if path.is_dir() else _chosen(path)
    stacks, left_out = find_stacks(root)
    splits = _splits(stacks)
    pairs = [pair for stack in stacks for pair in _pairs(stack, choice, splits[stack.scene])]
    found = tuple(sorted(pairs, key=lambda pair: pair.id))
    return opened("stack", root, found, left_out=left_out)


def _chosen(path: Path) -> tuple[Path, SharpMember]:
    try:
        choice = load_settings(SharpMember, path)
    except SettingsError as error:
        raise DatasetError(str(error)) from error
    root = path.parent / choice.root
    if not root.is_dir():
        raise DatasetError(f"{path}: 'root' is {root}, no such folder; correct it")
    return root, choice


def _splits(stacks: Iterable[Stack]) -> dict[str, Split]:
    """Splits of the scenes: by folders named after them, else by a hash of the name."""
    drawn = scene_splits(stack.scene for stack in stacks)
    return {stack.scene: stack.split or drawn[stack.scene] for stack in stacks}


def _pairs(stack: Stack, choice: SharpMember, split: Split) -> Iterator[Pair]:
    sharp = _sharp(stack, choice)
    name = stack.name.replace("/", "-")
    for position, frame in enumerate(stack.frames, start=1):
        if frame == sharp:
            continue
        place: dict[str, int | str] = {"position": position, "positions": len(stack.frames)}
        if sharp is not None and sharp == stack.merged:
            place["sharp"] = "merged"
        yield Pair(
            id=legal_id(f"{name}-{frame.stem}"),
            scene=stack.scene,
            split=split,
            blurry=frame,
            sharp=sharp,
            metadata=MappingProxyType({"focus_stack": place}),
        )


def _sharp(stack: Stack, choice: SharpMember) -> Path | None:
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
            f"{folder}: no merged picture, such as all-in-focus.png; make one with "
            f"'defocus-data fuse {folder} --out DIR'"
        )
    return stack.merged
