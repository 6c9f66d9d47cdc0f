"""manifest:DIR - a folder with a manifest.json, made by 'defocus-data import' and others."""

from dataclasses import replace
from pathlib import Path

from defocus.cache import derived_folder
from defocus.datasets.checksums import CHECKSUMS
from defocus.datasets.manifest import manifest_pairs, read_manifest
from defocus.datasets.opening import opened
from defocus.datasets.pair import OWN_PICTURES, Dataset, ReaderCard
from defocus.datasets.pair_files import file_hashes
from defocus.errors import DatasetError
from defocus.pictures.values import FULL

CARD = ReaderCard(
    title="a dataset folder that this program made",
    source="defocus-data import, compensate, render, …",
    licence=OWN_PICTURES,
    redistributable=True,
)


def read(root: Path) -> Dataset:
    """Open the dataset of a manifest; files are hashed on first use and after changes."""
    # Derived results are stored in the folder itself, unless checksums cover it.
    dataset = read_as("manifest", root)
    inside = None if (root / CHECKSUMS).exists() else root
    return replace(dataset, derived=derived_folder(dataset.content_hash, inside=inside))


def read_as(reader: str, root: Path) -> Dataset:
    """Open a folder with a manifest under another reader's name, without changing it."""
    manifest = read_manifest(root)
    pairs, expected = manifest_pairs(root, manifest)
    if not pairs:
        raise DatasetError(f"{root}: the manifest has no pairs")
    hashes = file_hashes(root, expected)
    for path, sha256 in expected.items():
        if hashes[path] != sha256:
            raise DatasetError(
                f"{path}: has changed since the manifest was made; restore it"
            )
    if manifest.steps:  # made by this program, which writes all bits or says so
        pairs = tuple(replace(pair, white=pair.white or FULL) for pair in pairs)
    dataset = opened(reader, root, pairs, source=manifest.source or "")
    return replace(dataset, steps=manifest.steps or ())
