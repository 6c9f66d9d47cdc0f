"""release:DIR - a release made by 'defocus-data package', in any place."""

from dataclasses import replace
from pathlib import Path

from defocus.datasets.manifest import MANIFEST
from defocus.datasets.pair import OWN_PICTURES, Dataset, ReaderCard
from defocus.datasets.readers.manifest import read_as
from defocus.errors import DatasetError
from defocus.progress import say

__all__ = ["CARD", "read"]

CARD = ReaderCard(
    title="a packaged release",
    source="defocus-data package",
    licence=OWN_PICTURES,
    redistributable=True,
)


def read(root: Path) -> Dataset:
    """Open a release, which is never changed: derived results and shards' pictures are cached."""
    if (root / MANIFEST).is_file():
        return read_as("release", root)
    return replace(_of_shards(root), name=f"release:{root.name}", root=root)


def _of_shards(root: Path) -> Dataset:
    from defocus.datasets.release.shards import remove_unpacked, unpacked

    folder = unpacked(root)
    try:
        return read_as("release", folder)
    except DatasetError as error:
        say(f"{error}; the release is unpacked again")
    remove_unpacked(root)
    return read_as("release", unpacked(root))
