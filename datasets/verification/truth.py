"""Expected contents of a folder by its manifests, even if one is damaged."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from defocus.datasets.verification.checksums import (
    MANIFEST,
    TAG_MANIFEST,
    canonical,
    check_paths,
    legible,
    parsed,
    tag_of,
)
from defocus.errors import DatasetError
from defocus.reading import read_bytes

__all__ = ["Truth", "claimed", "tag_is_intact"]


@dataclass(frozen=True)
class Truth:
    """Expected contents of a folder: hashes by path, both manifests included, and the manifest."""

    hashes: Mapping[str, str]
    manifest: bytes


def claimed(root: Path, found: Mapping[str, str]) -> Truth | None:
    """Expected contents of a folder by its manifests; None if they cannot be derived."""
    # The tag manifest says which manifest is right: the one in its place, one under another name,
    # or the one computed from the files. If the tag manifest is damaged, the manifest is used.
    if MANIFEST not in found and TAG_MANIFEST not in found:
        raise DatasetError(
            f"{root}: neither {MANIFEST} nor {TAG_MANIFEST} is there; give the root of a release"
        )
    wanted = _tagged(root, found)
    if wanted:
        places = sorted(name for name, digest in found.items() if digest == wanted)
        if places:
            return _truth(root, _content(root, places[0]))
        others = {name: digest for name, digest in found.items() if name not in _MANIFESTS}
        for rebuilt in _candidates(root, found, others):
            if hashlib.sha256(rebuilt).hexdigest() == wanted:
                return _truth(root, rebuilt)
    return _truth(root, _content(root, MANIFEST)) if found.get(MANIFEST) else None


_MANIFESTS = frozenset({MANIFEST, TAG_MANIFEST})

MOST_BYTES = 256 * 2**20
MOST_DOUBTS = 10
"""Files in which a damaged manifest and the folder differ: each may be either's fault."""


def _candidates(root: Path, found: Mapping[str, str], others: Mapping[str, str]) -> Iterator[bytes]:
    """What the manifest may have been: of the files that lie there, then of its remaining lines."""
    # Where a line and its file differ, one of the two is damaged; all combinations are tried.
    yield canonical(others)
    lines = legible(_content(root, MANIFEST)) if found.get(MANIFEST) else {}
    doubts = sorted(name for name, digest in lines.items() if others.get(name, digest) != digest)
    if not lines or len(doubts) > MOST_DOUBTS:
        return
    for number in range(1, len(doubts) + 1):
        for damaged in combinations(doubts, number):
            yield canonical({**lines, **{name: others[name] for name in damaged}})


def tag_is_intact(root: Path, found: Mapping[str, str]) -> bool:
    """Whether the tag manifest can be read: then it is the other manifest that is damaged."""
    tags = parsed(_content(root, TAG_MANIFEST)) if found.get(TAG_MANIFEST) else None
    return tags is not None and set(tags) == {MANIFEST}


def _tagged(root: Path, found: Mapping[str, str]) -> str:
    """Hash of the manifest in the tag manifest, or in its place if swapped; empty if damaged."""
    for name in (TAG_MANIFEST, MANIFEST):
        tags = parsed(_content(root, name)) if found.get(name) else None
        if tags is not None and set(tags) == {MANIFEST}:
            return tags[MANIFEST]
    return ""


def _truth(root: Path, manifest: bytes) -> Truth | None:
    hashes = parsed(manifest)
    if hashes is None or _MANIFESTS & set(hashes):
        return None
    check_paths(hashes, root / MANIFEST)
    own = {
        MANIFEST: hashlib.sha256(manifest).hexdigest(),
        TAG_MANIFEST: hashlib.sha256(tag_of(manifest)).hexdigest(),
    }
    return Truth({**hashes, **own}, manifest)


def _content(root: Path, name: str) -> bytes:
    return read_bytes(root / name, MOST_BYTES)
