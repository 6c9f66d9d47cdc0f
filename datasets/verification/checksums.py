"""The checksum manifests of a folder, which ``sha256sum -c`` reads; names of BagIt, RFC 8493.

``manifest-sha256.txt`` has a line for each file (hash, two spaces, path; sorted by path),
``tagmanifest-sha256.txt`` one for the former. Each has one canonical form (lower-case hexadecimal,
sorted, LF), so that the files determine every byte of both.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from defocus.datasets.files.names import path_problem
from defocus.errors import DatasetError
from defocus.files import write_bytes

__all__ = [
    "MANIFEST",
    "TAG_MANIFEST",
    "canonical",
    "check_paths",
    "legible",
    "parsed",
    "tag_of",
    "write_checksums",
]

MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"

_LINE = re.compile(r"([0-9a-f]{64})  ([^\r\n]+)\n")


def canonical(hashes: Mapping[str, str]) -> bytes:
    """The canonical text of a manifest, from lower-case hexadecimal by relative POSIX path."""
    return "".join(f"{hashes[path]}  {path}\n" for path in sorted(hashes)).encode(
        errors="surrogateescape"  # a stranger among the files may have any name
    )


def tag_of(manifest: bytes) -> bytes:
    """The tag manifest for the bytes of a manifest."""
    return canonical({MANIFEST: hashlib.sha256(manifest).hexdigest()})


def parsed(content: bytes) -> dict[str, str] | None:
    """Hashes by path (unchecked) from a manifest; None if it is not in canonical form."""
    hashes = legible(content)
    return hashes if hashes and canonical(hashes) == content else None


def legible(content: bytes) -> dict[str, str]:
    """Hashes by path from the lines of a manifest that can be read, whatever the others are."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {}
    return {path: digest for digest, path in _LINE.findall(text)}


def check_paths(paths: Iterable[str], origin: Path) -> None:
    """Refuse paths that could lead outside the folder, or be the same file on some systems."""
    seen: dict[str, str] = {}
    for path in sorted(paths):
        if problem := path_problem(path):
            raise DatasetError(f"{origin}: {path!r} {problem}; this manifest is not to be trusted")
        other = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            raise DatasetError(
                f"{origin}: {other!r} and {path!r} are one file where case does not count; "
                "rename one"
            )


def write_checksums(root: Path, hashes: Mapping[str, str]) -> str:
    """Write both manifests, the tag manifest last; SHA-256 of the manifest, for all contents."""
    others = {path: one for path, one in hashes.items() if path not in (MANIFEST, TAG_MANIFEST)}
    check_paths(others, root / MANIFEST)
    manifest = canonical(others)
    write_bytes(root / MANIFEST, manifest)
    write_bytes(root / TAG_MANIFEST, tag_of(manifest))
    return hashlib.sha256(manifest).hexdigest()
