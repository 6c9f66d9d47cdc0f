"""Opening a dataset by what a person types: ``READER:PATH``, ``sample`` or ``sample:strong``."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from defocus.datasets.layouts.completeness import Completeness
from defocus.datasets.pair import Dataset
from defocus.datasets.readers.card import ReaderCard
from defocus.errors import DatasetError

__all__ = [
    "ENTRY_POINTS",
    "DatasetKind",
    "Reader",
    "check_dataset",
    "dataset_kinds",
    "is_corrected",
    "open_dataset",
    "reader",
    "reader_card",
    "reader_names",
]

Reader = Callable[[Path], Dataset]

ENTRY_POINTS = "defocus.readers"
"""Entry-point group of readers that other packages bring; each is a module with ``read`` and,
where its pictures may be released, a ``CARD``."""

SAMPLE = "sample"
NO_READER = "card"
"""The module beside the readers that is none."""


def open_dataset(text: str) -> Dataset:
    """The dataset that ``text`` names.

    Args:
        text: ``sample``, ``sample:strong``, ``sample:wide`` or ``READER:PATH`` with a reader of
            :mod:`defocus.datasets.readers` (or an entry point ``defocus.readers``). PATH is a
            folder, or a mapping file that describes one. ``READER@NAME`` is a copy that a sidecar
            was applied to.

    Raises:
        DatasetError: Unknown reader, missing folder, or a folder that is not such a dataset.
        ImageError: The pictures of a pair differ in size.
        StorageError: The cache cannot be written.
    """
    if is_corrected(text):
        from defocus.datasets.sidecar.applied import corrected, noted_place

        dataset, sidecar = noted_place(text)
        return corrected(text, open_dataset(dataset), sidecar)
    name, place = _parted(text)
    return reader(name)(place)


def check_dataset(text: str) -> Completeness | None:
    """What a copy of a known dataset lacks, or has too much.

    Args:
        text: As for :func:`open_dataset`.

    Returns:
        None where nobody knows what a complete copy has: sets of one's own.

    Raises:
        DatasetError: As :func:`open_dataset`.
    """
    name, place = _parted(text)
    check: Callable[[Path], Completeness] | None = getattr(_module(name), "check", None)
    return None if check is None else check(place)


def is_corrected(text: str) -> bool:
    """Whether a name is ``READER@NAME``; a path may have that sign too."""
    return "@" in text and ":" not in text


def _parted(text: str) -> tuple[str, Path]:
    """Reader and place of what a person typed."""
    if is_corrected(text):
        from defocus.datasets.sidecar.applied import noted_place

        text, _ = noted_place(text)
    name, colon, place = text.partition(":")
    if name == SAMPLE:
        return name, Path(place)
    if not colon or not place:
        raise DatasetError(
            f"'{text}' is no dataset: give sample, sample:strong, sample:wide or READER:PATH "
            f"with a reader of {', '.join(reader_names())}"
        )
    _module(name)
    path = Path(place).expanduser().absolute()
    if not path.is_dir() and not (path.is_file() and path.suffix.lower() == ".toml"):
        raise DatasetError(f"{path}: no such dataset folder; check the path")
    return name, path


def reader_names() -> list[str]:
    """Names of all readers, our own and those of other packages, sorted."""
    package = importlib.import_module("defocus.datasets.readers")
    own = {module.name.replace("_", "-") for module in pkgutil.iter_modules(package.__path__)}
    return sorted(own - {NO_READER} | {point.name for point in entry_points(group=ENTRY_POINTS)})


def reader(name: str) -> Reader:
    """The reader of that name.

    Raises:
        DatasetError: There is none.
    """
    found: Reader = _module(name).read
    return found


def reader_card(name: str) -> ReaderCard:
    """What is known of the datasets that a reader opens.

    Raises:
        DatasetError: There is no such reader.
    """
    module = _module(name)
    card: ReaderCard | None = getattr(module, "CARD", None)
    return card or ReaderCard(
        title=name, source=f"reader of {module.__name__}", licence="unknown", redistributable=False
    )


def _module(name: str) -> ModuleType:
    known = reader_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise DatasetError(f"unknown dataset reader '{name}'; {hint}there are {', '.join(known)}")
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            foreign: ModuleType = point.load()
            return foreign
    return importlib.import_module(f"defocus.datasets.readers.{name.replace('-', '_')}")


@dataclass(frozen=True)
class DatasetKind:
    """Something that DATASET can be on a command line.

    Attributes:
        name: ``sample``, ``sample:strong``, …, or ``READER:DIR``.
        description: One line.
        layout: ``unverified`` where a mapping file may be needed, else ``verified``.
        redistributable: Whether a release may contain the pictures.
    """

    name: str
    description: str
    layout: str
    redistributable: bool


def dataset_kinds() -> list[DatasetKind]:
    """The variants of the sample dataset, then all readers."""
    from defocus.datasets.sample.scenes import VARIANTS

    kinds = [
        DatasetKind(variant.dataset, variant.summary, "verified", redistributable=True)
        for variant in VARIANTS
    ]
    for name in reader_names():
        if name == SAMPLE:
            continue
        first_line = (_module(name).__doc__ or "").partition("\n")[0]
        card = reader_card(name)
        kinds.append(
            DatasetKind(
                f"{name}:DIR",
                first_line.partition(" - ")[2] or first_line,
                "unverified" if card.unverified else "verified",
                card.redistributable,
            )
        )
    return kinds
