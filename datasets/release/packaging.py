"""Make a release of a dataset.

It is made in a working folder and moved to its place in one step, see
:mod:`defocus.datasets.deriving.working_folder`, so that it appears complete or not at all. The same
command continues after an interruption.
"""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from defocus.datasets.deriving.working_folder import working_folder
from defocus.datasets.files.fingerprint import code_hash
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.release.croissant import INDEX, croissant_text
from defocus.datasets.release.details import Details
from defocus.datasets.release.documents import card_text, citation_text, licence_text
from defocus.datasets.release.formats import folder, hdf5, imagefolder, webdataset
from defocus.datasets.release.formats.layout import ReleaseFormat, Rows, index_text
from defocus.datasets.release.privacy import without_private
from defocus.datasets.release.shards import write_origin
from defocus.datasets.release.terms import require_redistributable
from defocus.datasets.verification.checksums import write_checksums
from defocus.datasets.verification.contents import folder_hashes
from defocus.files import write_text

__all__ = ["LAYOUTS", "Packaged", "package_dataset"]

LAYOUTS: Mapping[str, ReleaseFormat] = MappingProxyType(
    {one.LAYOUT.name: one.LAYOUT for one in (folder, hdf5, webdataset, imagefolder)}
)
CODE = ("defocus.datasets.release", "defocus.datasets.verification", "defocus.images")


@dataclass(frozen=True)
class Packaged:
    """A release.

    Attributes:
        root: Folder of the release.
        sha256: SHA-256 hash of its manifest, which covers all bytes.
        pairs: Number of pairs.
    """

    root: Path
    sha256: str
    pairs: int


def package_dataset(
    dataset: Dataset, out: Path, form: str, details: Details, shard_bytes: int
) -> Packaged:
    """Make a release.

    Args:
        dataset: The dataset to release.
        out: The new folder: absent, or empty.
        form: One of :data:`LAYOUTS`.
        details: Details for its documents.
        shard_bytes: Bytes of originals per shard, for formats with shards.

    Raises:
        DatasetError: The pictures may not be redistributed, ``out`` is not empty, an unfinished
            other release is beside it, or another process works on it.
        ImageError: A picture cannot be read.
        StorageError: The disk is full or the folder is not writable.
    """
    require_redistributable(dataset)
    layout = LAYOUTS[form]
    order = _order(dataset, layout, details, shard_bytes)
    with working_folder(out, "packaging", order) as root:
        _clear(root)
        rows = layout.write(root, dataset.pairs, shard_bytes)
        _document(root, layout, rows, details, dataset.source)
        digest = write_checksums(root, folder_hashes(root))
    return Packaged(out, digest, len(rows))


def _order(
    dataset: Dataset, layout: ReleaseFormat, details: Details, shard_bytes: int
) -> dict[str, Any]:
    return {
        "format": "defocus-package",
        "content_hash": dataset.content_hash,
        "pairs": _metadata_hash(dataset),
        "to": layout.name,
        "details": details.model_dump(mode="json"),
        "shard_bytes": shard_bytes,
        "code": code_hash(*CODE),
    }


def _metadata_hash(dataset: Dataset) -> str:
    """SHA-256 of the released metadata of pairs."""
    rows = [[pair.id, pair.scene, dict(pair.metadata)] for pair in dataset.pairs]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def _clear(root: Path) -> None:
    """Remove incomplete files of a killed run."""
    for place in (root, *(path for path in root.rglob("*") if path.is_dir())):
        if place.is_dir():
            for entry in _torn(place):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _torn(place: Path) -> Iterable[Path]:
    return [path for path in place.iterdir() if path.name.startswith(".") and ".part" in path.name]


def _document(root: Path, layout: ReleaseFormat, rows: Rows, details: Details, source: str) -> None:
    """Write all documents: everything except pictures and checksums."""
    if layout.loose:
        released = tuple(_released(root, row.pair, row.files) for row in rows)
        write_manifest(root, make_manifest(root, released, source))
    else:
        write_origin(root, layout.name, source)
    index = index_text(rows)
    write_text(root / INDEX, index)
    write_text(root / "README.md", card_text(details, layout, rows))
    write_text(root / "LICENSE", licence_text(details))
    write_text(root / "CITATION.cff", citation_text(details))
    columns = next(csv.reader(io.StringIO(index)))
    pairs = [row.pair for row in rows]
    shards = sorted({row.shard for row in rows} - {""})
    write_text(root / "croissant.json", croissant_text(root, details, columns, shards, pairs))


def _released(root: Path, pair: Pair, files: Mapping[str, str]) -> Pair:
    """The pair with its files in the release and without private metadata."""
    metadata = MappingProxyType(without_private(pair.metadata))
    # names of fields are no types: these are all paths
    placed: dict[str, Any] = {role: root / name for role, name in files.items()}
    return replace(pair, metadata=metadata, **placed)
