"""Opening a dataset by what a person types: ``READER:PATH``, ``sample`` or ``sample:strong``."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError

__all__ = [
    "ENTRY_POINTS",
    "DatasetKind",
    "Reader",
    "dataset_kinds",
    "open_dataset",
    "reader",
    "reader_names",
]

Reader = Callable[[Path], Dataset]

ENTRY_POINTS = "defocus.readers"
"""Entry-point group of readers that other packages bring; each is a module with ``read``."""


def open_dataset(text: str) -> Dataset:
    """The dataset that ``text`` names.

    Args:
        text: ``sample``, ``sample:strong``, ``sample:wide`` or ``READER:PATH`` with a reader of
            :mod:`defocus.datasets.readers` (or an entry point ``defocus.readers``).

    Raises:
        DatasetError: Unknown reader, missing folder, or a folder that is not such a dataset.
        ImageError: The pictures of a pair differ in size.
        StorageError: The cache cannot be written.
    """
    name, colon, place = text.partition(":")
    if name == "sample":
        from defocus.datasets.sample.build import sample_dataset

        return sample_dataset(place)
    if not colon or not place:
        raise DatasetError(
            f"'{text}' is no dataset: give sample, sample:strong, sample:wide or READER:PATH "
            f"with a reader of {', '.join(reader_names())}"
        )
    read = reader(name)
    root = Path(place).expanduser().absolute()
    if not root.is_dir():
        raise DatasetError(f"{root}: no such dataset folder; check the path")
    return read(root)


def reader_names() -> list[str]:
    """Names of all readers, our own and those of other packages, sorted."""
    package = importlib.import_module("defocus.datasets.readers")
    own = {module.name for module in pkgutil.iter_modules(package.__path__)}
    return sorted(own | {point.name for point in entry_points(group=ENTRY_POINTS)})


def reader(name: str) -> Reader:
    """The reader of that name.

    Raises:
        DatasetError: There is none.
    """
    known = reader_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise DatasetError(
            f"unknown dataset reader '{name}'; did you mean '{near[0]}'? "
            f"there are {', '.join(known)}"
        )
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            foreign: Reader = point.load().read
            return foreign
    own: Reader = importlib.import_module(f"defocus.datasets.readers.{name}").read
    return own


@dataclass(frozen=True)
class DatasetKind:
    """Something that DATASET can be on a command line.

    Attributes:
        name: ``sample``, ``sample:strong``, …, or ``READER:DIR``.
        description: One line.
    """

    name: str
    description: str


def dataset_kinds() -> list[DatasetKind]:
    """The variants of the sample dataset, then all readers."""
    from defocus.datasets.sample.scenes import VARIANTS

    kinds = [DatasetKind(variant.dataset, variant.summary) for variant in VARIANTS]
    for name in reader_names():
        text = importlib.import_module(reader(name).__module__).__doc__ or ""
        first_line = text.partition("\n")[0]
        kinds.append(DatasetKind(f"{name}:DIR", first_line.partition(" - ")[2] or first_line))
    return kinds
