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
