"""Differences between a folder and its manifests."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from defocus.datasets.manifest import MANIFEST as PAIRS
from defocus.datasets.manifest import manifest_files, manifest_text, read_manifest
from defocus.datasets.verification.checksums import MANIFEST, TAG_MANIFEST
from defocus.datasets.verification.contents import folder_hashes
from defocus.datasets.verification.truth import Truth, claimed

__all__ = ["FileFinding", "Kind", "Verification", "compared", "readable", "verify_folder"]

Kind: TypeAlias = Literal["changed", "missing", "extra", "renamed", "swapped"]


@dataclass(frozen=True)
class FileFinding:
    """One file that is not as it must be.

    Attributes:
        file: Relative POSIX path; of a renamed file the one that it must have.
        kind: ``swapped``: it has the bytes of another file, which is also misplaced.
        now: Where the bytes of a renamed or swapped file are; empty for others.
    """

    file: str
    kind: Kind
    now: str = ""

    def to_json(self) -> dict[str, str]:
        """``file`` and ``kind``."""
        return {"file": readable(self.file), "kind": self.kind}


@dataclass(frozen=True)
class Verification:
    """The outcome.

    Attributes:
        wrong: What differs, sorted by file; empty where nothing does.
        found: SHA-256 of everything in the folder.
        truth: What must be there; None where the manifests are too damaged to say it. Other
            files are not judged then.
    """

    wrong: tuple[FileFinding, ...]
    found: Mapping[str, str]
    truth: Truth | None

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.wrong


def verify_folder(root: Path) -> Verification:
    """Read every byte of a folder and compare it with its manifests.

    Args:
        root: A release, or another folder with the manifests of
            :mod:`defocus.datasets.verification.checksums`.

    Raises:
        DatasetError: No manifest there, one that names what it must not, or a file that cannot be
            read.
    """
    found = folder_hashes(root)
    truth = claimed(root, found)
    if truth is None:
        return Verification(_damaged_manifests(found), found, None)
    findings = {finding.file: finding for finding in compared(truth.hashes, found)}
    if PAIRS in truth.hashes and PAIRS not in findings and not _pairs_agree(root, truth.hashes):
        findings[PAIRS] = FileFinding(PAIRS, "changed")
    return Verification(tuple(findings[file] for file in sorted(findings)), found, truth)


def readable(name: str) -> str:
    """A file's name as text that can be printed; bytes that are no UTF-8 are shown as numbers."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def compared(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[FileFinding]:
    """What differs between the hashes that must be and those that are.

    Args:
        wanted: Hash by path.
        found: Hash by path of all existing files.
    """
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


def _damaged_manifests(found: Mapping[str, str]) -> tuple[FileFinding, ...]:
    """Neither manifest is worth anything: each is damaged or gone."""
    return tuple(
        FileFinding(name, "changed" if name in found else "missing")
        for name in (MANIFEST, TAG_MANIFEST)
    )


def _pairs_agree(root: Path, hashes: Mapping[str, str]) -> bool:
    """Whether the manifest of pairs is in its canonical writing and says what the other one says.

    Raises:
        DatasetError: It names what it must not.
    """
    manifest = read_manifest(root)
    if manifest_text(manifest).encode() != (root / PAIRS).read_bytes():
        return False
    return all(hashes.get(file.path) == file.sha256 for file in manifest_files(manifest))
