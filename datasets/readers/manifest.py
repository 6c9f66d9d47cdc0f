"""manifest:DIR - a folder with a manifest.json, as 'defocus-data import' makes it."""

from pathlib import Path

from defocus.datasets.cache import derived_folder
from defocus.datasets.fingerprint import content_hash, file_hashes
from defocus.datasets.manifest import manifest_pairs, read_manifest
from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError

__all__ = ["read"]


def read(root: Path) -> Dataset:
    """The dataset of a manifest; files are hashed when first seen and when they have changed.

    Raises:
        DatasetError: No manifest, a wrong one, or a file that is missing or has changed.
        StorageError: The cache cannot be written.
    """
    pairs, expected = manifest_pairs(root, read_manifest(root))
    if not pairs:
        raise DatasetError(f"{root}: the manifest has no pairs")
    found = file_hashes(root, expected)
    for path, sha256 in expected.items():
        if found[path] != sha256:
            raise DatasetError(f"{path}: has changed since the manifest was made; restore it")
    content = content_hash(pairs, expected)
    return Dataset(
        name=f"manifest:{root.name}",
        root=root,
        pairs=pairs,
        content_hash=content,
        derived=derived_folder(content, inside=root),
        rendered=all(pair.truth is not None for pair in pairs),
    )
