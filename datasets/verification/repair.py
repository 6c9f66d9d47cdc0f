"""Repair of a folder from another copy; nothing is deleted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from defocus.datasets.deriving.originals import copy_file
from defocus.datasets.verification.checksums import MANIFEST, TAG_MANIFEST, tag_of
from defocus.datasets.verification.contents import folder_hashes
from defocus.datasets.verification.truth import Truth, claimed
from defocus.datasets.verification.verify import FileFinding, Verification, compared, verify_folder
from defocus.errors import DatasetError, storage_error
from defocus.files import make_folder, sha256_file, write_bytes
from defocus.staging import staging_folder

__all__ = ["Repair", "repair_folder"]


@dataclass(frozen=True)
class Repair:
    """Result of a repair."""

    before: tuple[FileFinding, ...]
    after: Verification
    aside: Path | None  # where extra files were moved; None if there were none


def repair_folder(root: Path, source: Path, jobs: int = 1) -> Repair:
    """Repair a folder by its manifests, with another copy, which may be damaged in other places."""
    # Bytes that the folder still has under another name are used first. Extra files are moved
    # into a folder beside it.
    before = verify_folder(root, jobs)
    if before.ok:
        return Repair((), before, None)
    there = folder_hashes(source, jobs)
    truth = _truth(root, before, source, there)
    findings = compared(truth.hashes, before.found)
    supply = _supply(source, there) | _supply(root, before.found)
    missing = [f.file for f in findings if f.kind != "extra" and _lacks(f.file, truth, supply)]
    if missing:
        raise DatasetError(
            f"{source}: does not have the bytes of {missing[0]} either; try another copy"
        )
    with staging_folder(root.parent, f".{root.name}-repair-") as staging:
        _gather(truth, findings, supply, staging)
        aside = _move_aside(root, findings)
        _put_in_place(root, findings, staging)
    return Repair(before.wrong or tuple(findings), verify_folder(root, jobs), aside)


def _truth(root: Path, before: Verification, source: Path, there: Mapping[str, str]) -> Truth:
    """Expected contents, by the folder's own manifests or else by those of the other copy."""
    if before.truth is not None:
        return before.truth
    other = claimed(source, there)
    if other is None:
        raise DatasetError(f"{source}: its manifests are damaged too; try another copy")
    common = sum(before.found.get(path) == digest for path, digest in other.hashes.items())
    if 2 * common < len(other.hashes):
        raise DatasetError(f"{source}: is no copy of {root}; give another copy of the same release")
    return other


def _supply(root: Path, found: Mapping[str, str]) -> dict[str, Path]:
    """File with the bytes of each hash."""
    return {digest: root / path for path, digest in found.items() if digest}


_WRITTEN = frozenset({MANIFEST, TAG_MANIFEST})


def _lacks(file: str, truth: Truth, supply: Mapping[str, Path]) -> bool:
    return file not in _WRITTEN and truth.hashes[file] not in supply


def _gather(
    truth: Truth, findings: list[FileFinding], supply: Mapping[str, Path], staging: Path
) -> None:
    """Copy the needed files first, so that nothing is overwritten before it is copied."""
    for finding in _to_write(findings):
        place = staging / finding.file
        make_folder(place.parent)
        if finding.file in _WRITTEN:
            manifest = truth.manifest
            write_bytes(place, manifest if finding.file == MANIFEST else tag_of(manifest))
            continue
        wanted = truth.hashes[finding.file]
        copy_file(supply[wanted], place)
        if sha256_file(place) != wanted:
            raise DatasetError(f"{supply[wanted]}: changed while it was copied; try again")


def _to_write(findings: list[FileFinding]) -> Iterator[FileFinding]:
    return (one for one in findings if one.kind not in {"extra", "renamed"})


def _move_aside(root: Path, findings: list[FileFinding]) -> Path | None:
    """Move extra files into a new folder."""
    strangers = [finding.file for finding in findings if finding.kind == "extra"]
    if not strangers:
        return None
    aside = _free_name(root)
    for name in strangers:
        make_folder((aside / name).parent)
        try:
            (root / name).rename(aside / name)
        except OSError as error:
            raise storage_error(error, aside / name) from error
    return aside


def _free_name(root: Path) -> Path:
    number, path = 1, root.with_name(f"{root.name}.strangers")
    while path.exists():
        number += 1
        path = root.with_name(f"{root.name}.strangers-{number}")
    return path


def _put_in_place(root: Path, findings: list[FileFinding], staging: Path) -> None:
    """Move files to their places: renamed ones, then staged ones, then the manifests."""
    places = {one.file: root / one.now for one in findings if one.kind == "renamed"}
    places |= {one.file: staging / one.file for one in _to_write(findings)}
    for file in sorted(places, key=lambda file: (file in _WRITTEN, file)):
        target = root / file
        make_folder(target.parent)
        try:
            if target.is_dir() and not target.is_symlink():
                target.rmdir()  # what it held was moved aside
            places[file].replace(target)
        except OSError as error:
            raise storage_error(error, target) from error
