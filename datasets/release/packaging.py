"""Make a release in a working folder that becomes it in one step; a later run goes on there."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from defocus.datasets.checksums import (
    CARD,
    CHECKSUMS,
    ORIGIN,
    TAG_CHECKSUMS,
    folder_hashes,
    write_checksums,
)
from defocus.datasets.deriving.maker import (
    remove_emptied,
    require_empty,
    working_folder,
)
from defocus.datasets.differences import verify_folder
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.pair import (
    Dataset,
    Pair,
    attempt_each,
    by_id,
    with_files,
    without_empty,
)
from defocus.datasets.pair_files import ARRAYS, FILE_ROLES, pair_files, picture_hashes
from defocus.datasets.readers.release import read as read_release
from defocus.datasets.readers.release import remove_unpacked
from defocus.datasets.release.card import (
    card_text,
    citation_text,
    datacite_text,
    licence_text,
)
from defocus.datasets.release.croissant import INDEX, croissant_text
from defocus.datasets.release.details import Details, require_redistributable
from defocus.datasets.release.facts import (
    NO_NOTES,
    ReleaseFacts,
    ReleaseNotes,
    facts_of,
    read_facts,
    write_facts,
)
from defocus.datasets.release.formats import hdf5, webdataset
from defocus.datasets.release.formats.layout import (
    ReleaseFormat,
    ReleaseOrder,
    Rows,
    index_text,
)
from defocus.datasets.release.formats.loose import FOLDER, IMAGEFOLDER
from defocus.datasets.release.pictures import released_members, without_private
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.pictures.values import FULL
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import counted, several
from defocus.storage.files import sha256_file, sha256_json, write_text


@dataclass(frozen=True)
class ReleaseChanges:
    """Differences of two datasets by the ids of their pairs."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    # roles, ``scene``, ``split``, ``metadata`` that differ
    changed: dict[str, tuple[str, ...]]
    kept: int


def changes_text(before: Path, after: Path) -> str:
    """Markdown on what differs between two releases."""
    changes = changes_of(read_release(before), read_release(after))
    if not (after / "manifest.json").is_file():
        remove_unpacked(after)  # its place in the cache changes with the checksums
    lines = [
        f"# Changes from version {_version(before)} to {_version(after)}",
        "",
        f"{counted(changes.kept, 'pair')} as before.",
        *_listed("Added", [f"`{name}`" for name in changes.added]),
        *_listed("Removed", [f"`{name}`" for name in changes.removed]),
    ]
    changed = []
    for name, what in changes.changed.items():
        parts = ", ".join(what)
        changed.append(f"`{name}`: {parts}")
    lines += _listed("Changed", changed)
    return "\n".join(lines) + "\n"


def _version(root: Path) -> str:
    details = read_facts(root).details
    return "unknown" if details is None else details.version


def _listed(title: str, pairs: list[str]) -> list[str]:
    """A section of Markdown with one line for each pair; nothing without pairs."""
    if not pairs:
        return []
    head = f"## {title}: {counted(len(pairs), 'pair')}"
    return ["", head, "", *(f"- {pair}" for pair in pairs)]


def changes_of(before: Dataset, after: Dataset) -> ReleaseChanges:
    """Compare two datasets; files with other bytes count as changed if their pixels differ."""
    old = by_id(before.pairs)
    new = by_id(after.pairs)
    hashes = {
        **picture_hashes(before.root, before.pairs),
        **picture_hashes(after.root, after.pairs),
    }
    both = sorted(old.keys() & new.keys())
    differing = {name: tuple(_differing(old[name], new[name], hashes)) for name in both}
    changed = without_empty(differing)
    added = sorted(new.keys() - old.keys())
    removed = sorted(old.keys() - new.keys())
    return ReleaseChanges(
        tuple(added), tuple(removed), changed, len(both) - len(changed)
    )


def _differing(old: Pair, new: Pair, hashes: dict[Path, str]) -> Iterator[str]:
    files = pair_files(old)
    others = pair_files(new)
    for role in FILE_ROLES:
        one = files.get(role)
        other = others.get(role)
        if one is None or other is None:
            if one is not other:
                yield f"{role} {'removed' if other is None else 'added'}"
        elif hashes[one] != hashes[other] and not _same_pixels(role, one, other):
            yield role
    for name in ("scene", "split", "metadata"):
        if getattr(old, name) != getattr(new, name):
            yield name


def _same_pixels(role: str, one: Path, other: Path) -> bool:
    if role in ARRAYS:
        return False
    first = read_image(one, FULL)
    second = read_image(other, FULL)
    return first.dtype == second.dtype and np.array_equal(first, second)


CHANGES = "CHANGES"

LAYOUTS: Mapping[str, ReleaseFormat] = MappingProxyType(
    {one.name: one for one in (FOLDER, hdf5.LAYOUT, webdataset.LAYOUT, IMAGEFOLDER)}
)
PACKAGING_REVISION = 2
"""Revision of a release's files and documents. Raise it when the same dataset gives other bytes."""


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
    notes: ReleaseNotes = NO_NOTES,
    where: Where = 1,
) -> Packaged:
    """Make a release; ``out`` is absent, empty, or the release of the same request."""
    require_redistributable(dataset)
    layout = LAYOUTS[form]
    order = {
        "format": "defocus-package",
        "content_hash": dataset.content_hash,
        "pairs": _metadata_hash(dataset),
        "steps": [one.model_dump() for one in dataset.steps],
        "to": layout.name,
        "details": details.model_dump(mode="json"),
        "shard_bytes": shard_bytes,
        "revision": PACKAGING_REVISION,
        **_noted(notes),
    }
    request = sha256_json(order)
    if finished := _finished(out, request, dataset):
        remove_emptied(out, "packaging")
        return finished
    with working_folder(out, "packaging", order) as root:
        _clear(root)
        labels = details.labels
        release = ReleaseOrder(root, dataset.pairs, shard_bytes, labels, where)
        rows, left_out = layout.write(release)
        if not rows:
            reason = left_out[0].reason
            raise DatasetError(f"{dataset.name}: no pair can be read; {reason}")
        lacking = tuple(one.id for one in dataset.without(left_out))
        facts = facts_of(dataset, rows, form, details, request, notes, root)
        facts = facts.model_copy(update={"left_out": lacking or None})
        _index(root, layout, rows, dataset)
        write_documents(root, facts, details)
        digest = _sealed(root, notes.previous)
    return Packaged(out, digest, len(rows), left_out)


def _sealed(root: Path, previous: Path | None) -> str:
    """The hash of a release's manifest, after its changes from the previous one are written."""
    digest = write_sums(root)
    if previous is None:
        return digest
    write_text(root / CHANGES, changes_text(previous, root))
    return write_sums(root)


def _noted(notes: ReleaseNotes) -> dict[str, object]:
    """The part of a release's order that comes from the notes."""
    previous = (
        None if notes.previous is None else sha256_file(notes.previous / CHECKSUMS)
    )
    warned = {} if notes.warnings is None else {"warnings": notes.warnings}
    return {
        "numbers": [one.model_dump() for one in notes.numbers],
        **warned,
        "previous": previous,
    }


def require_release_folder(out: Path) -> None:
    """Refuse a folder that can neither become a release nor is one."""
    if not (out / ORIGIN).is_file():
        require_empty(out)


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
    unread = [pair for pair in dataset.pairs if pair.id in (facts.left_out or ())]
    readable, left_out = attempt_each(unread, released_members)
    if readable:
        raise DatasetError(
            f"{out}: lacks {counted(len(readable), 'pair')} that can be read now; choose another "
            "folder for --out"
        )
    return Packaged(out, sha256_file(out / CHECKSUMS), facts.pairs, left_out)


def write_sums(root: Path) -> str:
    """Write the checksums of a release; return the hash of its manifest."""
    for name in (CHECKSUMS, TAG_CHECKSUMS):
        (root / name).unlink(missing_ok=True)
    return write_checksums(root, folder_hashes(root))


def write_documents(root: Path, facts: ReleaseFacts, details: Details) -> None:
    """Write the documents of a release whose pictures are written; details may have a later DOI."""
    layout = LAYOUTS[facts.to]
    final = facts.model_copy(update={"details": details})
    write_facts(root, final)
    write_text(root / CARD, card_text(final, details, layout))
    write_text(root / "LICENSE", licence_text(details))
    write_text(root / "CITATION.cff", citation_text(final, details))
    write_text(root / "datacite.json", datacite_text(final, details))
    write_text(root / "croissant.json", croissant_text(root, final, details, layout))


def _metadata_hash(dataset: Dataset) -> str:
    """SHA-256 of the released metadata of pairs."""
    rows = [[pair.id, pair.scene, dict(pair.metadata)] for pair in dataset.pairs]
    return sha256_json(rows)


def _clear(root: Path) -> None:
    """Remove incomplete files of a killed run."""
    for place in (root, *root.rglob("*")):
        if place.is_dir():
            for entry in list(place.glob(".*")):
                if ".part" in entry.name:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _index(root: Path, layout: ReleaseFormat, rows: Rows, dataset: Dataset) -> None:
    """Write ``pairs.csv``, and the manifest of pairs where pictures are separate files."""
    if layout.loose:
        released = tuple(_released(root, row.pair, row.files) for row in rows)
        write_manifest(
            root, make_manifest(root, released, dataset.source, dataset.steps)
        )
    write_text(root / INDEX, index_text(rows))


def _released(root: Path, pair: Pair, files: Mapping[str, str]) -> Pair:
    """The pair with its files in the release and without private metadata."""
    metadata = MappingProxyType(without_private(pair.metadata))
    return with_files(replace(pair, metadata=metadata, white=FULL), root, files)
