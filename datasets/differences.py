"""Differences between a folder and its manifests."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from defocus.datasets.checksums import (
    CARD,
    CHECKSUM_FILES,
    CHECKSUMS,
    ORIGIN,
    TAG_CHECKSUMS,
    Hashes,
    Truth,
    claimed,
    folder_hashes,
    tag_is_intact,
    tag_of,
)
from defocus.datasets.deriving.parts import copy_file
from defocus.datasets.manifest import (
    MANIFEST,
    manifest_files,
    manifest_text,
    read_manifest,
)
from defocus.errors import DatasetError
from defocus.processes.machines import Where
from defocus.storage.files import make_folder, sha256_file, storing, write_bytes
from defocus.storage.staging import staging_folder

Kind: TypeAlias = Literal["changed", "missing", "extra", "renamed", "swapped"]


@dataclass(frozen=True)
class FileFinding:
    """A file that differs from its manifest; a renamed one has its expected name."""

    file: str
    kind: Kind  # ``swapped``: it has the bytes of another file, which is also misplaced
    now: str = ""  # present path of the bytes of a renamed or swapped file

    def to_json(self) -> dict[str, str]:
        """The finding as JSON values: ``file`` and ``kind``."""
        return {"file": readable(self.file), "kind": self.kind}


@dataclass(frozen=True)
class Verification:
    """Result of a verification: differences, sorted by file."""

    wrong: tuple[FileFinding, ...]
    hashes: Hashes  # SHA-256 of everything in the folder
    truth: Truth | None  # None if the manifests are too damaged to judge other files

    @property
    def ok(self) -> bool:
        """Whether there are no differences."""
        return not self.wrong


def verify_folder(root: Path, where: Where = 1) -> Verification:
    """Read every byte of a folder and compare it with its manifests."""
    hashes = folder_hashes(root, where)
    truth = claimed(root, hashes)
    if truth is None:
        return Verification(_damaged_manifests(root, hashes), hashes, None)
    findings = {finding.file: finding for finding in compared(truth.hashes, hashes)}
    # its checksums may be without it
    if ORIGIN in hashes and CARD not in {*hashes, *findings}:
        findings[CARD] = FileFinding(CARD, "missing")
    whole = dict(truth.hashes.items() & hashes.items())
    if MANIFEST in whole and not _pairs_agree(root, truth.hashes, whole):
        findings[MANIFEST] = FileFinding(MANIFEST, "changed")
    return Verification(
        tuple(findings[file] for file in sorted(findings)), hashes, truth
    )


def readable(name: str) -> str:
    """A printable form of a file's name; bytes that are not UTF-8 are shown as numbers."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def compared(wanted: Hashes, hashes: Hashes) -> list[FileFinding]:
    """Differences between expected and actual hashes by path."""
    wrong = sorted(path for path in wanted if hashes.get(path) != wanted[path])
    # of files with the same bytes, the first
    owners = {wanted[path]: path for path in reversed(wrong)}
    places = {hashes[path]: path for path in reversed(wrong) if path in hashes}
    strangers = {path: hashes[path] for path in sorted(hashes.keys() - wanted.keys())}
    findings = []
    for path in wrong:
        if path not in hashes:
            findings.append(_absent(path, wanted[path], strangers))
        elif hashes[path] in owners and wanted[path] in places:
            findings.append(FileFinding(path, "swapped", places[wanted[path]]))
        else:
            findings.append(FileFinding(path, "changed"))
    return findings + [FileFinding(path, "extra") for path in strangers]


def _absent(path: str, digest: str, strangers: dict[str, str]) -> FileFinding:
    """A file that is missing: renamed if a stranger has its bytes, which is then no stranger."""
    for name, other in strangers.items():
        if other == digest:
            del strangers[name]
            return FileFinding(path, "renamed", name)
    return FileFinding(path, "missing")


def _damaged_manifests(root: Path, hashes: Hashes) -> tuple[FileFinding, ...]:
    """Findings if the manifest can neither be used nor computed again."""
    wrong = (CHECKSUMS,) if tag_is_intact(root, hashes) else (CHECKSUMS, TAG_CHECKSUMS)
    return tuple(
        FileFinding(name, "changed" if name in hashes else "missing") for name in wrong
    )


def _pairs_agree(root: Path, hashes: Hashes, whole: Collection[str]) -> bool:
    """Whether the manifest of pairs is canonical and agrees with the checksums and file sizes."""
    manifest = read_manifest(root)
    if manifest_text(manifest).encode() != (root / MANIFEST).read_bytes():
        return False
    for file in manifest_files(manifest):
        if hashes.get(file.path) != file.sha256:
            return False
        if file.path in whole and (root / file.path).stat().st_size != file.bytes:
            return False
    return True


@dataclass(frozen=True)
class Repair:
    """Result of a repair."""

    before: tuple[FileFinding, ...]
    after: Verification
    aside: Path | None  # where extra files were moved; None if there were none


def repair_folder(root: Path, source: Path, where: Where = 1) -> Repair:
    """Repair a folder by its manifests, with another copy, which may be damaged in other places."""
    # Bytes that the folder still has under another name are used first. Extra files are moved
    # into a folder beside it.
    before = verify_folder(root, where)
    if before.ok:
        return Repair((), before, None)
    there = folder_hashes(source, where)
    truth = _truth(root, before, source, there)
    findings = compared(truth.hashes, before.hashes)
    supply = _supply(source, there) | _supply(root, before.hashes)
    wanted = {f.file for f in findings if f.kind != "extra"} - CHECKSUM_FILES
    missing = sorted(name for name in wanted if truth.hashes[name] not in supply)
    if missing:
        raise DatasetError(
            f"{source}: does not have the bytes of {missing[0]} either; try another copy"
        )
    with staging_folder(root.parent, f".{root.name}-repair-") as staging:
        _gather(truth, findings, supply, staging)
        aside = _move_aside(root, findings)
        _put_in_place(root, findings, staging)
    return Repair(before.wrong or tuple(findings), verify_folder(root, where), aside)


def _truth(root: Path, before: Verification, source: Path, there: Hashes) -> Truth:
    """Expected contents, by the folder's own manifests or else by those of the other copy."""
    if before.truth is not None:
        return before.truth
    other = claimed(source, there)
    if other is None:
        raise DatasetError(f"{source}: its manifests are damaged too; try another copy")
    common = sum(
        before.hashes.get(path) == digest for path, digest in other.hashes.items()
    )
    if 2 * common < len(other.hashes):
        raise DatasetError(
            f"{source}: is not a copy of {root}; give one of the same release"
        )
    return other


def _supply(root: Path, hashes: Hashes) -> dict[str, Path]:
    """File with the bytes of each hash."""
    return {digest: root / path for path, digest in hashes.items() if digest}


def _gather(
    truth: Truth, findings: list[FileFinding], supply: Mapping[str, Path], staging: Path
) -> None:
    """Copy the needed files first, so that nothing is overwritten before it is copied."""
    for finding in _to_write(findings):
        place = staging / finding.file
        make_folder(place.parent)
        if finding.file in CHECKSUM_FILES:
            manifest = truth.manifest
            write_bytes(
                place, manifest if finding.file == CHECKSUMS else tag_of(manifest)
            )
            continue
        wanted = truth.hashes[finding.file]
        copy_file(supply[wanted], place)
        if sha256_file(place) != wanted:
            raise DatasetError(
                f"{supply[wanted]}: changed while it was copied; try again"
            )


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
        with storing(aside / name):
            (root / name).rename(aside / name)
    return aside


def _free_name(root: Path) -> Path:
    number = 1
    path = root.with_name(f"{root.name}.extra")
    while path.exists():
        number += 1
        path = root.with_name(f"{root.name}.extra-{number}")
    return path


def _put_in_place(root: Path, findings: list[FileFinding], staging: Path) -> None:
    """Move files to their places: renamed ones, then staged ones, then the manifests."""
    places = {}
    for one in findings:
        if one.kind == "renamed":
            places[one.file] = root / one.now
    for one in _to_write(findings):
        places[one.file] = staging / one.file
    for file in sorted(places, key=lambda file: (file in CHECKSUM_FILES, file)):
        target = root / file
        make_folder(target.parent)
        with storing(target):
            if target.is_dir() and not target.is_symlink():
                target.rmdir()  # what it held was moved aside
            places[file].replace(target)
