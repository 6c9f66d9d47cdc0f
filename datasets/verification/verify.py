"""Differences between a folder and its manifests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from defocus.datasets.manifest import MANIFEST as PAIRS
from defocus.datasets.manifest import manifest_files, manifest_text, read_manifest
from defocus.datasets.verification.checksums import MANIFEST, TAG_MANIFEST
from defocus.datasets.verification.contents import folder_hashes
from defocus.datasets.verification.truth import Truth, claimed, tag_is_intact

__all__ = ["FileFinding", "Kind", "Verification", "compared", "readable", "verify_folder"]

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
    found: Mapping[str, str]  # SHA-256 of everything in the folder
    truth: Truth | None  # None if the manifests are too damaged to judge other files

    @property
    def ok(self) -> bool:
        """Whether there are no differences."""
        return not self.wrong


def verify_folder(root: Path, jobs: int = 1) -> Verification:
    """Read every byte of a folder and compare it with its manifests."""
    found = folder_hashes(root, jobs)
    truth = claimed(root, found)
    if truth is None:
        return Verification(_damaged_manifests(root, found), found, None)
    findings = {finding.file: finding for finding in compared(truth.hashes, found)}
    whole = {path: digest for path, digest in truth.hashes.items() if found.get(path) == digest}
    if PAIRS in whole and not _pairs_agree(root, truth.hashes, whole):
        findings[PAIRS] = FileFinding(PAIRS, "changed")
    return Verification(tuple(findings[file] for file in sorted(findings)), found, truth)


def readable(name: str) -> str:
    """A printable form of a file's name; bytes that are not UTF-8 are shown as numbers."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def compared(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[FileFinding]:
    """Differences between expected and actual hashes by path."""
    wrong = {path for path, digest in wanted.items() if found.get(path) != digest}
    strangers = {path: found[path] for path in sorted(set(found) - set(wanted))}
    owners = {wanted[path]: path for path in sorted(wrong, reverse=True)}
    places = {found[path]: path for path in sorted(wrong & set(found), reverse=True)}
    findings = []
    for path in sorted(wrong):
        if path in found and found[path] in owners and wanted[path] in places:
            findings.append(FileFinding(path, "swapped", places[wanted[path]]))
        elif path in found:
            findings.append(FileFinding(path, "changed"))
        else:
            now = next((name for name, digest in strangers.items() if digest == wanted[path]), "")
            strangers.pop(now, None)
            findings.append(FileFinding(path, "renamed" if now else "missing", now))
    return findings + [FileFinding(path, "extra") for path in strangers]


def _damaged_manifests(root: Path, found: Mapping[str, str]) -> tuple[FileFinding, ...]:
    """Findings if the manifest cannot be used and not be computed again."""
    wrong = (MANIFEST,) if tag_is_intact(root, found) else (MANIFEST, TAG_MANIFEST)
    return tuple(FileFinding(name, "changed" if name in found else "missing") for name in wrong)


def _pairs_agree(root: Path, hashes: Mapping[str, str], whole: Collection[str]) -> bool:
    """Whether the manifest of pairs is canonical and agrees with the checksums and file sizes."""
    manifest = read_manifest(root)
    if manifest_text(manifest).encode() != (root / PAIRS).read_bytes():
        return False
    return all(
        hashes.get(file.path) == file.sha256
        and (file.path not in whole or (root / file.path).stat().st_size == file.bytes)
        for file in manifest_files(manifest)
    )
