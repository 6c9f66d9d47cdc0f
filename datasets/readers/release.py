"""release:DIR - a folder that 'defocus-data package' made, moved wherever you like."""

from dataclasses import replace
from pathlib import Path

from defocus.datasets.cache import derived_folder
from defocus.datasets.pair import Dataset
from defocus.datasets.readers.card import OWN_PICTURES, ReaderCard
from defocus.datasets.readers.manifest import read_as

__all__ = ["CARD", "read"]

CARD = ReaderCard(
    title="a packaged release",
    source="defocus-data package",
    licence=OWN_PICTURES,
    redistributable=True,
)


def read(root: Path) -> Dataset:
    """The dataset of a release; files are hashed when first seen and when they have changed.

    Raises:
        DatasetError: No release, a damaged one, or a file that is missing or has changed.
        StorageError: The cache cannot be written.
    """
    dataset = read_as("release", root)
    # a release stays as it was packaged: what is derived from it lies in the cache
    return replace(dataset, derived=derived_folder(dataset.content_hash))
