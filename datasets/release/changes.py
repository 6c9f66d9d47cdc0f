"""``CHANGES``: the pairs in which two releases differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from defocus.datasets.files.arrays import ARRAYS
from defocus.datasets.files.fingerprint import FILE_ROLES, file_hashes, pair_files
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.readers.release import read as read_release
from defocus.datasets.release.facts import ReleaseFacts, read_facts
from defocus.datasets.release.shards import remove_unpacked
from defocus.images import read_image
from defocus.progress import counted

__all__ = ["ReleaseChanges", "changes_of", "changes_text"]


@dataclass(frozen=True)
class ReleaseChanges:
    """Differences of two datasets by the ids of their pairs."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, tuple[str, ...]]  # roles, ``scene``, ``split``, ``metadata`` that differ
    kept: int


def changes_text(before: Path, after: Path) -> str:
    """Markdown on what differs between two releases."""
    found = changes_of(read_release(before), read_release(after))
    if not (after / "manifest.json").is_file():
        remove_unpacked(after)  # its place in the cache changes with the checksums
    first, second = (_version(read_facts(root)) for root in (before, after))
    lines = [f"# Changes from version {first} to {second}", ""]
    lines += [f"{counted(found.kept, 'pair')} as before."]
    for title, names in (("Added", found.added), ("Removed", found.removed)):
        if names:
            lines += ["", f"## {title}: {counted(len(names), 'pair')}", ""]
            lines += [f"- `{name}`" for name in names]
    if found.changed:
        lines += ["", f"## Changed: {counted(len(found.changed), 'pair')}", ""]
        lines += [f"- `{name}`: {', '.join(what)}" for name, what in found.changed.items()]
    return "\n".join(lines) + "\n"


def _version(facts: ReleaseFacts) -> str:
    return facts.details.version if facts.details else "unknown"


def changes_of(before: Dataset, after: Dataset) -> ReleaseChanges:
    """Compare two datasets; files with other bytes count as changed if their pixels differ."""
    old, new = ({pair.id: pair for pair in one.pairs} for one in (before, after))
    hashes = _hashes(before) | _hashes(after)
    both = sorted(old.keys() & new.keys())
    differing = {name: tuple(_differing(old[name], new[name], hashes)) for name in both}
    changed = {name: what for name, what in differing.items() if what}
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    return ReleaseChanges(tuple(added), tuple(removed), changed, len(both) - len(changed))


def _hashes(dataset: Dataset) -> dict[Path, str]:
    files = [path for pair in dataset.pairs for path in pair_files(pair).values()]
    return file_hashes(dataset.root, files)


def _differing(old: Pair, new: Pair, hashes: dict[Path, str]) -> Iterator[str]:
    files, others = pair_files(old), pair_files(new)
    for role in FILE_ROLES:
        one, other = files.get(role), others.get(role)
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
    first, second = read_image(one), read_image(other)
    return first.dtype == second.dtype and np.array_equal(first, second)
