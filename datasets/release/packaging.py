"""Make a release in a working folder that becomes it in one step; a later run goes on there."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from defocus.datasets.deriving.working_folder import working_folder
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.release.changes import changes_text
from defocus.datasets.release.details import Details
from defocus.datasets.release.documents.card import card_text
from defocus.datasets.release.documents.citation import citation_text, datacite_text
from defocus.datasets.release.documents.croissant import INDEX, croissant_text
from defocus.datasets.release.documents.licence import licence_text
from defocus.datasets.release.facts import ORIGIN, ReleaseFacts, facts_of, read_facts, write_facts
from defocus.datasets.release.formats import folder, hdf5, imagefolder, webdataset
from defocus.datasets.release.formats.layout import ReleaseFormat, Rows, index_text
from defocus.datasets.release.pictures.members import released_members
from defocus.datasets.release.pictures.privacy import without_private
from defocus.datasets.release.provenance import Number
from defocus.datasets.release.terms import require_redistributable
from defocus.datasets.verification.checksums import MANIFEST, TAG_MANIFEST, write_checksums
from defocus.datasets.verification.contents import folder_hashes
from defocus.datasets.verification.verify import verify_folder
from defocus.errors import DatasetError
from defocus.files import sha256_file, write_text
from defocus.isolation import LeftOut, attempt, parted
from defocus.progress import counted, several

__all__ = ["CHANGES", "LAYOUTS", "Packaged", "package_dataset", "write_documents", "write_sums"]

CHANGES = "CHANGES"

LAYOUTS: Mapping[str, ReleaseFormat] = MappingProxyType(
    {one.LAYOUT.name: one.LAYOUT for one in (folder, hdf5, webdataset, imagefolder)}
)
PACKAGING_REVISION = 1
"""Of a release's files and documents: raise it when the same dataset gives other bytes."""


@dataclass(frozen=True)
class Packaged:
    """A release, and its dataset's pairs that could not be read."""

    root: Path
    sha256: str  # of its manifest, which covers all bytes
    pairs: int
    left_out: tuple[LeftOut, ...] = ()


def package_dataset(
    dataset: Dataset,
    out: Path,
    form: str,
    details: Details,
    shard_bytes: int,
    *,
    numbers: tuple[Number, ...] = (),
    warnings: tuple[str, ...] | None = None,
    previous: Path | None = None,
    jobs: int = 1,
) -> Packaged:
    """Make a release; ``out`` is absent, empty, or the release of the same request."""
    # What differs from the ``previous`` release goes into ``CHANGES``. ``warnings`` are those of
    # the audit, None without one.
    require_redistributable(dataset)
    layout = LAYOUTS[form]
    order = {
        **_order(dataset, layout, details, shard_bytes),
        "numbers": [one.model_dump() for one in numbers],
        **({} if warnings is None else {"warnings": warnings}),
        "previous": None if previous is None else sha256_file(previous / MANIFEST),
    }
    request = hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()
    if done := _finished(out, request, dataset):
        return done
    labels = {"title": details.title, "licence": details.licence, "version": details.version}
    with working_folder(out, "packaging", order) as root:
        _clear(root)
        # a pair's metadata is a read-only view, which does not travel to other processes
        plain = [replace(pair, metadata=dict(pair.metadata)) for pair in dataset.pairs]
        rows, left_out = layout.write(root, plain, shard_bytes, labels, jobs)
        if not rows:
            raise DatasetError(f"{dataset.name}: no pair can be read; {left_out[0].reason}")
        lacking = tuple(one.id for one in dataset.without(left_out))
        facts = facts_of(dataset, rows, form, details, request, numbers, lacking, root)
        facts = facts.model_copy(update={"warnings": warnings})
        _index(root, layout, rows, dataset)
        write_documents(root, facts, details)
        digest = write_sums(root)
        if previous is not None:
            write_text(root / CHANGES, changes_text(previous, root))
            digest = write_sums(root)
    return Packaged(out, digest, len(rows), left_out)


def _finished(out: Path, request: str, dataset: Dataset) -> Packaged | None:
    """The release of the same request in ``out``, if whole; what was left out is tried again."""
    if not (out / ORIGIN).is_file():
        return None
    facts = read_facts(out)
    if facts.request != request and facts.left_out:
        raise DatasetError(
            f"{out}: a release without {several(facts.left_out)}, of other pictures or settings; "
            "a release is not changed: choose another folder for --out"
        )
    if facts.request != request:
        return None
    if not verify_folder(out).ok:
        raise DatasetError(f"{out}: damaged; 'defocus-data verify {out}' says what is")
    tried = [
        attempt(pair.id, partial(released_members, pair))
        for pair in dataset.pairs
        if pair.id in (facts.left_out or ())
    ]
    readable, left_out = parted(tried)
    if readable:
        raise DatasetError(
            f"{out}: lacks {counted(len(readable), 'pair')} that can be read now; choose another "
            "folder for --out"
        )
    return Packaged(out, sha256_file(out / MANIFEST), facts.pairs, left_out)


def write_sums(root: Path) -> str:
    """Write the checksums of a release; the hash of its manifest."""
    for name in (MANIFEST, TAG_MANIFEST):
        (root / name).unlink(missing_ok=True)
    return write_checksums(root, folder_hashes(root))


def write_documents(root: Path, facts: ReleaseFacts, details: Details) -> None:
    """Write the documents of a release whose pictures are written; details may have a later DOI."""
    layout = LAYOUTS[facts.to]
    told = facts.model_copy(update={"details": details})
    write_facts(root, told)
    write_text(root / "README.md", card_text(told, details, layout))
    write_text(root / "LICENSE", licence_text(details))
    write_text(root / "CITATION.cff", citation_text(told, details))
    write_text(root / "datacite.json", datacite_text(told, details))
    write_text(root / "croissant.json", croissant_text(root, told, details, layout))


def _order(
    dataset: Dataset, layout: ReleaseFormat, details: Details, shard_bytes: int
) -> dict[str, Any]:
    return {
        "format": "defocus-package",
        "content_hash": dataset.content_hash,
        "pairs": _metadata_hash(dataset),
        "steps": [one.model_dump() for one in dataset.steps],
        "to": layout.name,
        "details": details.model_dump(mode="json"),
        "shard_bytes": shard_bytes,
        "revision": PACKAGING_REVISION,
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


def _index(root: Path, layout: ReleaseFormat, rows: Rows, dataset: Dataset) -> None:
    """Write ``pairs.csv``, and the manifest of pairs where pictures are separate files."""
    if layout.loose:
        released = tuple(_released(root, row.pair, row.files) for row in rows)
        write_manifest(root, make_manifest(root, released, dataset.source, dataset.steps))
    write_text(root / INDEX, index_text(rows))


def _released(root: Path, pair: Pair, files: Mapping[str, str]) -> Pair:
    """The pair with its files in the release and without private metadata."""
    metadata = MappingProxyType(without_private(pair.metadata))
    # names of fields are no types: these are all paths
    placed: dict[str, Any] = {role: root / name for role, name in files.items()}
    return replace(pair, metadata=metadata, **placed)
