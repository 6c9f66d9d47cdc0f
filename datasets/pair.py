"""Types of a dataset: pair, misalignment and dataset."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from defocus import __version__
from defocus.isolation import LeftOut
from defocus.progress import printable
from defocus.settings import Settings

if TYPE_CHECKING:
    from defocus.datasets.stream.photographs import Photographs

Value = str | int | float | bool | None


class MakingStep(Settings):
    """One step, by the name of its command, with this program's version."""

    step: str
    version: str
    # what was asked for and what it came to, by name
    settings: dict[str, Value] = Field(default_factory=dict)


def step(name: str, **settings: Value) -> MakingStep:
    """A step of this version of the program, without settings that are None."""
    known: dict[str, Value] = {key: value for key, value in settings.items() if value is not None}
    return MakingStep(step=name, version=__version__, settings=known)


Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Pair:
    """One scene captured blurry and sharp.

    Attributes:
        id: Id, unique in its dataset; only letters and digits of any script,
            ``.``, ``_`` and ``-``.
        scene: Name of the scene; no scene is in two splits.
        split: Split of the dataset it belongs to.
        blurry: Picture file.
        sharp: Picture file as captured; None in datasets without ground truth.
        truth: Rendered data: the all-in-focus picture in the geometry of ``blurry``.
        flow: Rendered data: ``.npy`` file, float32 ``(2, H, W)``, true flow from blurry to sharp.
        defocus_map: Rendered data: ``.npy`` file, float32 ``(H, W)``, signed CoC diameter, px.
        dual_pixel_left, dual_pixel_right: Dual-pixel views of the blurry picture.
        valid_mask: Compensated data: picture, white where the sharp member is valid, else black.
        metadata: Facts such as optics, exposure and true misalignment, as JSON values.
    """

    id: str
    scene: str
    split: Split
    blurry: Path
    sharp: Path | None = None
    truth: Path | None = None
    flow: Path | None = None
    defocus_map: Path | None = None
    dual_pixel_left: Path | None = None
    dual_pixel_right: Path | None = None
    valid_mask: Path | None = None
    metadata: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def __getstate__(self) -> dict[str, object]:
        """Its fields for another process, to which a read-only view cannot travel."""
        return {**vars(self), "metadata": dict(self.metadata)}


def with_files(pair: Pair, folder: Path, names: Mapping[str, str]) -> Pair:
    """The pair with files of a folder, by role."""
    # names of fields are no types: these are all paths
    files: dict[str, Any] = {role: folder / name for role, name in names.items()}
    return replace(pair, **files)


@dataclass(frozen=True)
class Dataset:
    """Pairs with splits.

    Attributes:
        name: Name, as on the command line if that is stable (``sample``, ``sample:strong``),
            else reader and folder name.
        root: Folder of the pictures.
        pairs: All pairs, sorted by id.
        left_out: Pairs in the folder that are not among them, as a file is no picture's file.
        content_hash: SHA-256 over ids, splits and the content of every file, in hexadecimal.
        derived: Writable folder for results derived from the pairs (aligned references, packed
            patches).
        rendered: Whether every pair has ``truth``.
        misaligned: Whether the misalignment of its pairs is what is studied: then no budget aligns
            them before a training.
        source: Name of the reader whose card has the licence of the pictures; empty for the user's
            own pictures.
        steps: Steps that made the dataset of another one, first to last.
        endless: Source that renders training pairs on demand; then no pair is in the training
            split. None if all pairs are files.
    """

    name: str
    root: Path
    pairs: tuple[Pair, ...]
    content_hash: str
    derived: Path
    rendered: bool = False
    misaligned: bool = False
    source: str = ""
    steps: "tuple[MakingStep, ...]" = ()
    endless: "Photographs | None" = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def found(self) -> int:
        """Number of pairs in the folder, with those that are left out."""
        return len(self.pairs) + len(self.left_out)

    def without(self, failed: Iterable[LeftOut] = ()) -> tuple[LeftOut, ...]:
        """All pairs that work on it is without, by id; files are named below its folder.

        Args:
            failed: Pairs of it that could not be read or made.
        """
        root = f"{self.root}/"
        every = sorted((*self.left_out, *failed), key=lambda one: one.id)
        return tuple(replace(one, reason=printable(one.reason.replace(root, ""))) for one in every)

    def split(self, name: Split) -> tuple[Pair, ...]:
        """The pairs of one split, sorted by id."""
        return tuple(pair for pair in self.pairs if pair.split == name)


def split_counts(pairs: Sequence[Pair]) -> dict[Split, int]:
    """How many pairs each split has."""
    return {split: sum(pair.split == split for pair in pairs) for split in SPLITS}


def empty_splits(pairs: Sequence[Pair]) -> list[str]:
    """The splits without a pair, in words."""
    names = {"train": "training", "validation": "validation", "test": "testing"}
    return [names[split] for split, count in split_counts(pairs).items() if not count]


TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1


def scene_splits(scenes: Iterable[str]) -> dict[str, Split]:
    """The split of each scene, from a hash of its name; it stays when others are added."""
    # Small datasets are adjusted: there is always a test scene, and with two or more scenes also a
    # training scene.
    places = {scene: _place(scene) for scene in scenes}
    splits = {scene: _split(place) for scene, place in places.items()}
    if splits and "test" not in splits.values():
        splits[min(places, key=lambda scene: (places[scene], scene))] = "test"
    if len(splits) >= 2 and "train" not in splits.values():
        splits[max(places, key=lambda scene: (places[scene], scene))] = "train"
    return splits


def _place(scene: str) -> float:
    """A number in [0, 1) that depends only on the name."""
    return int.from_bytes(hashlib.sha256(os.fsencode(scene)).digest()[:8], "big") / 2.0**64


def _split(place: float) -> Split:
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


OWN_PICTURES = "that of your own pictures"


@dataclass(frozen=True)
class ReaderCard:
    """Facts about a dataset; empty if unknown.

    Attributes:
        title: Full name of the dataset.
        source: Where to get it.
        archive: Address of its archive, if its terms allow that a program fetches it.
        licence: Terms of the pictures, as far as stated.
        redistributable: Whether a release may contain the pictures.
        citation: What to cite.
        authors: Authors of the dataset.
        date: Date of publication, ISO.
        faces: Whether people can be recognised in the pictures.
        counts: Number of blurry pictures in each split of the complete dataset.
        sizes: Width and height of the pictures, in either orientation; several if parts differ.
        bits: Bits of each channel of the PNG files; None if unknown.
        defects: Known defects.
        unverified: Unconfirmed facts of the layout; empty if it is confirmed. A mapping file
            describes a copy that differs, see :mod:`defocus.datasets.layouts.layout`.
    """

    title: str
    source: str
    licence: str
    redistributable: bool
    citation: str = ""
    authors: tuple[str, ...] = ()
    date: str = ""
    faces: str = ""
    archive: str = ""
    counts: Mapping[Split, int] = field(default_factory=dict)
    sizes: tuple[tuple[int, int], ...] = ()
    bits: int | None = None
    defects: tuple[str, ...] = ()
    unverified: str = ""
