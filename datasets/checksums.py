"""The checksum manifests of a folder, which ``sha256sum -c`` reads; names of BagIt, RFC 8493.

Each has one canonical form, so that the files determine every byte of both."""

import contextlib
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from defocus.cluster.dispatcher import each
from defocus.datasets.pair_files import path_problem
from defocus.errors import DatasetError
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import track
from defocus.reading import read_bytes
from defocus.storage.files import sha256_file, write_bytes

Hashes = Mapping[str, str]
"""SHA-256 of files by their paths."""

NO_FILE = ""
"""Stands in place of a hash for a link, a device, or something else that is not a file."""

SILENT_BELOW = 100


def folder_hashes(root: Path, where: Where = 1) -> dict[str, str]:
    """SHA-256 by relative POSIX path of every file in a folder; links, devices: :data:`NO_FILE`."""
    # Links are not followed.
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; check the path")
    return hashed(root, sorted(_entries(root)), where)


def hashed(root: Path, names: list[str], where: Where = 1) -> dict[str, str]:
    """SHA-256 of entries of a folder; see :func:`folder_hashes`."""
    paths = {name: root.absolute() / name for name in names}
    hashes = dict.fromkeys(names, NO_FILE)
    with contextlib.closing(each(_hash, paths, where)) as read:
        results: Iterable[tuple[str, str | LeftOut]] = read
        if len(names) >= SILENT_BELOW:
            results = track(read, "reading every byte", len(names))
        for name, digest in results:
            if isinstance(digest, LeftOut):
                raise DatasetError(digest.reason)
            hashes[name] = digest
    return hashes


def _entries(root: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise DatasetError(
            f"{error.filename}: cannot be read ({error.strerror})"
        ) from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*files, *linked):
            yield (Path(folder) / name).relative_to(root).as_posix()


def _hash(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return NO_FILE
        return sha256_file(path)
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); restore it and look again"
        ) from error


CHECKSUMS = "manifest-sha256.txt"
TAG_CHECKSUMS = "tagmanifest-sha256.txt"
ORIGIN, CARD = "release.json", "README.md"
"""Files in which a release describes itself, for programs and for people."""

_LINE = re.compile(r"([0-9a-f]{64})  ([^\r\n]+)\n")


def canonical(hashes: Hashes) -> bytes:
    """The canonical text of a manifest, from lower-case hexadecimal by relative POSIX path."""
    return "".join(f"{hashes[path]}  {path}\n" for path in sorted(hashes)).encode(
        errors="surrogateescape"  # a stranger among the files may have any name
    )


def tag_of(manifest: bytes) -> bytes:
    """The tag manifest for the bytes of a manifest."""
    return canonical({CHECKSUMS: hashlib.sha256(manifest).hexdigest()})


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
            raise DatasetError(
                f"{origin}: {path!r} {problem}; this manifest is not to be trusted"
            )
        other = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            raise DatasetError(
                f"{origin}: {other!r} and {path!r} are one file where case does not count; "
                "rename one"
            )


def without_checksums(hashes: Hashes) -> dict[str, str]:
    """The hashes of all files but the two manifests."""
    others = dict(hashes)
    for name in CHECKSUM_FILES:
        others.pop(name, None)
    return others


def write_checksums(root: Path, hashes: Hashes) -> str:
    """Write both manifests, the tag manifest last; return the SHA-256 of the other one."""
    others = without_checksums(hashes)
    check_paths(others, root / CHECKSUMS)
    manifest = canonical(others)
    write_bytes(root / CHECKSUMS, manifest)
    write_bytes(root / TAG_CHECKSUMS, tag_of(manifest))
    return hashlib.sha256(manifest).hexdigest()


@dataclass(frozen=True)
class Truth:
    """Expected contents of a folder: hashes by path, both manifests included, and the manifest."""

    hashes: Hashes
    manifest: bytes


def claimed(root: Path, hashes: Hashes) -> Truth | None:
    """Expected contents of a folder by its manifests; None if they cannot be derived."""
    # The tag manifest says which manifest is right: the one in its place, one under another name,
    # or the one computed from the files. If the tag manifest is damaged, the manifest is used.
    if CHECKSUMS not in hashes and TAG_CHECKSUMS not in hashes:
        raise DatasetError(
            f"{root}: neither {CHECKSUMS} nor {TAG_CHECKSUMS} is there; give the root of a release"
        )
    # if swapped
    wanted = _tag_in(root, hashes, TAG_CHECKSUMS) or _tag_in(root, hashes, CHECKSUMS)
    if wanted:
        places = sorted(name for name, digest in hashes.items() if digest == wanted)
        if places:
            return _truth(root, _content(root, places[0]))
        others = without_checksums(hashes)
        for rebuilt in _candidates(root, hashes, others):
            if hashlib.sha256(rebuilt).hexdigest() == wanted:
                return _truth(root, rebuilt)
    return _truth(root, _content(root, CHECKSUMS)) if hashes.get(CHECKSUMS) else None


CHECKSUM_FILES = frozenset({CHECKSUMS, TAG_CHECKSUMS})

MOST_BYTES = 256 * 2**20
"""Largest manifest that is read, in bytes."""
MOST_DOUBTS = 10
"""Largest number of files that differ between a manifest and the folder for which every set of
damaged files is tried."""


def _candidates(root: Path, own: Hashes, others: Hashes) -> Iterator[bytes]:
    """Candidates for the original manifest: from the files as they are, then from its own lines."""
    # Where a line and its file differ, one of the two is damaged; all combinations are tried.
    yield canonical(others)
    lines = legible(_content(root, CHECKSUMS)) if own.get(CHECKSUMS) else {}
    differing = dict(others.items() - lines.items())
    doubts = sorted(differing.keys() & lines.keys())
    if not lines or len(doubts) > MOST_DOUBTS:
        return
    for number in range(1, len(doubts) + 1):
        for damaged in combinations(doubts, number):
            yield canonical({**lines, **{name: others[name] for name in damaged}})


def tag_is_intact(root: Path, hashes: Hashes) -> bool:
    """Whether the tag manifest can be read: then it is the other manifest that is damaged."""
    return bool(_tag_in(root, hashes, TAG_CHECKSUMS))


def _tag_in(root: Path, hashes: Hashes, name: str) -> str:
    """Hash of the manifest by a file that may be the tag manifest; empty if it is not."""
    tags = parsed(_content(root, name)) if hashes.get(name) else None
    return tags[CHECKSUMS] if tags is not None and set(tags) == {CHECKSUMS} else ""


def _truth(root: Path, manifest: bytes) -> Truth | None:
    hashes = parsed(manifest)
    if hashes is None or CHECKSUM_FILES & set(hashes):
        return None
    check_paths(hashes, root / CHECKSUMS)
    own = {
        CHECKSUMS: hashlib.sha256(manifest).hexdigest(),
        TAG_CHECKSUMS: hashlib.sha256(tag_of(manifest)).hexdigest(),
    }
    return Truth({**hashes, **own}, manifest)


def _content(root: Path, name: str) -> bytes:
    return read_bytes(root / name, MOST_BYTES)
