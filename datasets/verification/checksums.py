"""The checksum manifests of a folder, which ``sha256sum -c`` reads.

::

    manifest-sha256.txt      one line for each file: hash, two spaces, path; sorted by path
    tagmanifest-sha256.txt   the same for manifest-sha256.txt alone

Each has one canonical form (lower-case hexadecimal, sorted, LF), so that the files determine every
byte of both. Source of the names: BagIt, RFC 8493.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from defocus.errors import DatasetError
from defocus.files import write_bytes

__all__ = [
    "MANIFEST",
    "TAG_MANIFEST",
    "canonical",
    "check_paths",
    "parsed",
    "path_problem",
    "tag_of",
    "write_checksums",
]

MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"

_LINE = re.compile(r"([0-9a-f]{64})  ([^\r\n]+)\n")


def canonical(hashes: Mapping[str, str]) -> bytes:
    """The canonical text of a manifest.

    Args:
        hashes: SHA-256 in lower-case hexadecimal by relative POSIX path.
    """
    return "".join(f"{hashes[path]}  {path}\n" for path in sorted(hashes)).encode(
        errors="surrogateescape"  # a stranger among the files may have any name
    )


def tag_of(manifest: bytes) -> bytes:
    """The tag manifest for the bytes of a manifest."""
    return canonical({MANIFEST: hashlib.sha256(manifest).hexdigest()})


def parsed(content: bytes) -> dict[str, str] | None:
    """Hashes by path from a manifest, or None if the bytes are not in canonical form.

    Paths are not checked; see :func:`check_paths`.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    hashes = {path: digest for digest, path in _LINE.findall(text)}
    return hashes if hashes and canonical(hashes) == content else None


def path_problem(path: str) -> str:
    """Why a path must not be in a manifest; empty if it may."""
    if not path.isprintable():
        return "has control characters"
    if "\\" in path or ":" in path:
        return "has a character that is part of a path on other systems"
    if path.startswith("/"):
        return "is absolute"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "leads out of the folder or is not in its shortest form"
    return ""


def check_paths(paths: Iterable[str], origin: Path) -> None:
    """Refuse paths that could lead outside the folder, or be the same file on some systems.

    Args:
        paths: Relative POSIX paths.
        origin: The file that names them, for the message.

    Raises:
        DatasetError: A path is refused; the message names the first one.
    """
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
    """Write both manifests, the tag manifest last.

    Args:
        root: The folder.
        hashes: Hashes of all its files, as for :func:`canonical`; existing manifests of an
            interrupted run are ignored.

    Returns:
        SHA-256 of the manifest: a single value for the content of the whole folder.

    Raises:
        DatasetError: A path must not be in a manifest.
        StorageError: The folder cannot be written.
    """
    others = {path: one for path, one in hashes.items() if path not in (MANIFEST, TAG_MANIFEST)}
    check_paths(others, root / MANIFEST)
    manifest = canonical(others)
    write_bytes(root / MANIFEST, manifest)
    write_bytes(root / TAG_MANIFEST, tag_of(manifest))
    return hashlib.sha256(manifest).hexdigest()
