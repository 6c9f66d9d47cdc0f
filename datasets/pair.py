"""Types of a dataset: pair, misalignment and dataset."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

from pydantic import Field

from defocus import __version__
from defocus.processes.isolation import LeftOut, attempt, parted
from defocus.progress import printable
from defocus.settings import Settings

if TYPE_CHECKING:
    from defocus.datasets.patching.endless import EndlessPairs

Value = str | int | float | bool | None
White = Annotated[int, Field(ge=255, le=65535)]
"""Value of 16 bits that means white."""


class MakingStep(Settings):
    """One step, by the name of its command, with this program's version."""

    step: str
    version: str
    # what was asked for and what it came to, by name
    settings: dict[str, Value] = Field(default_factory=dict)


def step(name: str, **settings: Value) -> MakingStep:
    """A step of this version of the program, without settings that are None."""
    chosen: dict[str, Value] = {
        key: value for key, value in settings.items() if value is not None
    }
    return MakingStep(step=name, version=__version__, settings=chosen)


Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
LEARNT_SPLITS: tuple[Split, ...] = ("train", "validation")
"""Splits that decide a network: it is trained on one, and chosen by the other."""


@dataclass(frozen=True)
class Pair:
    """One scene captured blurry and sharp; all pictures of a pair have one size.

    Attributes:
        id: Unique in its dataset: letters and digits of any script, ``.``, ``_``, ``-``.
        scene: Name of the scene; no scene is in two splits.
        split: ``train``, ``validation`` or ``test``.
        blurry: Picture file as captured.
        sharp: Picture file as captured; None in datasets without ground truth.
        truth: Rendered data: picture file, all in focus, in the geometry of ``blurry``.
        flow: Rendered data: ``.npy`` file, float32 ``(2, H, W)``, px, from blurry to sharp.
        defocus_map: Rendered data: ``.npy`` file, float32 ``(H, W)``, signed diameter of the
            circle of confusion, px.
        dual_pixel_left: Picture file of the left view; None without dual-pixel views.
        dual_pixel_right: Picture file of the right view.
        valid_mask: Picture file, white where the sharp picture is valid, else black; None if it is
            valid everywhere.
        metadata: Optics, exposure, true misalignment and the like, as JSON values.
        white: Value of pictures of 16 bits that means white, 255 to 65535; None where each file's
            values say it.

    Examples:
        >>> from pathlib import Path
        >>> import defocus
        >>> pair = defocus.Pair("desk-1", "desk", "test", Path("open.png"), Path("closed.png"))
        >>> pair.sharp.name, pair.truth
        ('closed.png', None)
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
    white: int | None = field(default=None, compare=False)

    def __getstate__(self) -> dict[str, object]:
        """Its fields for another process, because a read-only view cannot be sent there."""
        return {**vars(self), "metadata": dict(self.metadata)}


class HasId(Protocol):
    """A pair, or what is said of one under its id."""

    @property
    def id(self) -> str:
        """The id."""
        ...


Entry = TypeVar("Entry", bound=HasId)
Result = TypeVar("Result")
Key = TypeVar("Key")
Fact = TypeVar("Fact")


def by_id(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The entries by their ids, in their order."""
    return {entry.id: entry for entry in entries}


def ids_of(entries: Iterable[HasId]) -> set[str]:
    """The ids of the entries."""
    return {entry.id for entry in entries}


def sorted_by_id(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, sorted by id."""
    return sorted(entries, key=attrgetter("id"))


def attempt_each(
    entries: Iterable[Entry], work: Callable[[Entry], Result]
) -> tuple[list[Result], tuple[LeftOut, ...]]:
    """The results of work on each entry, and the entries without one."""
    return parted(attempt(entry.id, partial(work, entry)) for entry in entries)


def without_empty(facts: Mapping[Key, Fact]) -> dict[Key, Fact]:
    """The facts that say something: no empty text, zero or None."""
    return {key: fact for key, fact in facts.items() if fact}


def remaining(entries: Iterable[Entry], left_out: Iterable[LeftOut]) -> list[Entry]:
    """The entries that are not left out."""
    lacking = ids_of(left_out)
    return [entry for entry in entries if entry.id not in lacking]


def with_files(pair: Pair, folder: Path, names: Mapping[str, str]) -> Pair:
    """The pair with files of a folder, by role."""
    # names of fields are not types: these are all paths
    files: dict[str, Any] = {role: folder / name for role, name in names.items()}
    return replace(pair, **files)


@dataclass(frozen=True)
class Dataset:
    """Pairs with splits; a reader makes it with :func:`defocus.opened`, which checks the pairs.

    Attributes:
        name: Name as on the command line if that is stable, else reader and folder name.
        root: The folder.
        pairs: All pairs, sorted by id.
        content_hash: SHA-256 hash over ids, splits and the content of every file, in hexadecimal.
        derived: Writable folder for results that are derived from the pairs.
        rendered: Whether every pair has ``truth``.
        misaligned: Whether misalignment is what is studied: no budget aligns the pairs first.
        source: Reader whose card has the licence of the pictures; empty for the user's own.
        steps: Steps that made the dataset of another one, first to last.
        endless: Makes training pairs on demand; then no file is in that split.
        learnt_hash: SHA-256 hash over the training and validation pairs, as ``content_hash``; empty
            if not computed.
        left_out: Pairs in the folder that are not among the pairs, with the reason.
        seen_left_out: Test pairs that a study leaves out on purpose, as they are in training or
            validation.

    Examples:
        >>> from pathlib import Path
        >>> import defocus
        >>> pair = defocus.Pair("desk-1", "desk", "test", Path("open.png"), Path("closed.png"))
        >>> dataset = defocus.Dataset("mine", Path(), (pair,), content_hash="", derived=Path())
        >>> len(dataset.split("test")), len(dataset.split("train"))
        (1, 0)
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
    endless: "EndlessPairs | None" = None
    learnt_hash: str = ""
    left_out: tuple[LeftOut, ...] = ()
    seen_left_out: tuple[LeftOut, ...] = ()

    @property
    def endless_hash(self) -> str:
        """SHA-256 of what determines the pairs that are made on demand; empty without any."""
        return "" if self.endless is None else self.endless.content_hash

    @property
    def training_hash(self) -> str:
        """Hash of what a training sees: training and validation, or the endless pairs."""
        return self.endless_hash or self.learnt_hash or self.content_hash

    @property
    def total(self) -> int:
        """Number of pairs in the folder, with those that are left out."""
        return len(self.pairs) + len(self.left_out)

    def without(self, failed: Iterable[LeftOut] = ()) -> tuple[LeftOut, ...]:
        """All pairs that work on it lacks, with those that failed; files below its folder."""
        root = f"{self.root}/"
        every = []
        for one in sorted_by_id((*self.left_out, *failed)):
            reason = printable(one.reason.replace(root, ""))
            every.append(replace(one, reason=reason))
        return tuple(every)

    def split(self, name: Split) -> tuple[Pair, ...]:
        """The pairs of one split, sorted by id."""
        return tuple(pair for pair in self.pairs if pair.split == name)


def split_counts(pairs: Sequence[Pair]) -> dict[Split, int]:
    """How many pairs each split has."""
    counts = dict.fromkeys(SPLITS, 0)
    for pair in pairs:
        counts[pair.split] += 1
    return counts


def empty_splits(pairs: Sequence[Pair]) -> list[str]:
    """The splits without a pair, in words."""
    names = {"train": "training", "validation": "validation", "test": "testing"}
    for pair in pairs:
        names.pop(pair.split, None)
    return list(names.values())


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


def joined(names: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first name of each name's group; names that a link joins belong to one group."""
    group = {name: name for name in names}
    for one, other in links:
        first, gone = sorted((group[one], group[other]))
        if first == gone:
            continue
        for name, of in group.items():
            if of == gone:
                group[name] = first
    return group


def _place(scene: str) -> float:
    """A number in [0, 1) that depends only on the name."""
    return (
        int.from_bytes(hashlib.sha256(os.fsencode(scene)).digest()[:8], "big") / 2.0**64
    )


def _split(place: float) -> Split:
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


OWN_PICTURES = "that of your own pictures"


@dataclass(frozen=True)
class ReaderCard:
    """Facts about a dataset; empty if unknown.

    Attributes:
        title: Name as written in text.
        source: Where to get it.
        licence: Terms of the pictures, as far as stated.
        redistributable: Whether a release may contain the pictures.
        citation: The paper, one line.
        authors: Names of the authors.
        date: Date of publication, ISO.
        faces: Whether people can be recognised in the pictures, in words.
        archive: Address of its archive, if its terms allow that a program fetches it.
        counts: Number of blurry pictures in a complete copy, by split.
        sizes: Width and height of the pictures, px, either way round; several if parts differ.
        bits: Bits of each channel of the pictures; None if unknown.
        defects: Known defects, one line each.
        unverified: Unconfirmed facts of the layout; a mapping file describes a copy that differs.

    Examples:
        >>> from defocus.datasets.pair import ReaderCard
        >>> card = ReaderCard(
        ...     "My desk", "my own camera", "CC BY 4.0", redistributable=True, sizes=((64, 48),)
        ... )
        >>> card.sizes, card.bits
        (((64, 48),), None)
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
