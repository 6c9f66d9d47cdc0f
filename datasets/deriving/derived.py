"""Derived datasets: origin of each pair, and files linked instead of copied."""

import os
from pathlib import Path
from typing import Any

from defocus.datasets.api import reader_card
from defocus.datasets.deriving.originals import copy_file
from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError
from defocus.files import make_folder, temporary_entries, write_json
from defocus.reading import read_json

__all__ = ["claim_folder", "kept_record", "origin_of", "place_file"]


def claim_folder(out: Path, record: str, order: dict[str, Any]) -> None:
    """Claim an empty folder for an order, or recognise one of the same order.

    Args:
        out: The folder of a new dataset: absent, empty, or begun with the same order.
        record: Name of the file that stores the order.
        order: Description of the result, JSON values.

    Raises:
        DatasetError: The folder has other contents.
        StorageError: The folder cannot be written.
    """
    make_folder(out)
    path = out / record
    if path.is_file():
        try:
            known = read_json(path)
        except ValueError as error:
            raise DatasetError(f"{path}: damaged; choose another folder for --out") from error
        if known != order:
            raise DatasetError(
                f"{out}: started with another dataset, other settings or another version of "
                "defocus; choose another folder for --out"
            )
        return
    strangers = set(out.iterdir()) - set(
        temporary_entries(out, f".{path.stem}-", f".part{path.suffix}")
    )
    if strangers:
        raise DatasetError(f"{out}: not empty; choose another folder for --out")
    write_json(path, order)


def kept_record(path: Path) -> Any:  # noqa: ANN401 - any JSON document
    """Read the record of an earlier run in the folder of a pair.

    Raises:
        DatasetError: The record is missing or damaged.
    """
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path}: missing or damaged; remove {path.parent} and run the same command again"
        ) from error


def origin_of(dataset: Dataset) -> str:
    """Value of ``source`` in the manifest of a derived dataset.

    The origin must not be lost if a reader does not name it.
    """
    reader = dataset.name.partition(":")[0]
    return dataset.source or ("" if reader_card(reader).redistributable else reader)


def place_file(source: Path, target: Path) -> None:
    """Put a file of another dataset into a new one, as a hard link if the disk permits it.

    Our writers always replace files and never change them, so the two stay independent.

    Raises:
        StorageError: The target cannot be written.
    """
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:
        copy_file(source, target)
