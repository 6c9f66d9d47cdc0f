"""Test pairs whose pictures are, file by file, in training or validation too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from defocus.datasets.opening import SHOWN_ROLES
from defocus.datasets.pair import LEARNT_SPLITS, Dataset, Pair, Split
from defocus.datasets.pair_files import content_hash, pair_files, picture_hashes
from defocus.errors import DatasetError
from defocus.processes.isolation import LeftOut
from defocus.progress import counted

PICTURE_ROLES = ("blurry", *SHOWN_ROLES)
"""Files that show a scene. Masks and arrays can be equal in pairs that have nothing in common."""


@dataclass(frozen=True)
class SeenPair:
    """A test pair, and the first pair of training or validation that has one of its files."""

    test: str  # id of the test pair
    other: str  # id of the other pair
    split: Split  # of the other pair
    roles: tuple[str, ...]  # of the test pair's files that the other one has

    @property
    def words(self) -> str:
        """Which files are the same, in words."""
        kind = "training" if self.split == "train" else self.split
        names = " and ".join(role.replace("_", " ") for role in self.roles)
        files = "files are" if len(self.roles) > 1 else "file is"
        return f"its {names} {files} in {kind} pair {self.other} too"

    @property
    def left_out(self) -> LeftOut:
        """The test pair, as it is named where it is left out."""
        return LeftOut(self.test, self.words)


def seen_pairs(learnt: Dataset, tested: Dataset) -> tuple[SeenPair, ...]:
    """The test pairs of one dataset that have a file of another's training or validation."""
    owners = _owners(learnt)
    if not owners:
        return ()
    pairs = tested.split("test")
    hashes = picture_hashes(tested.root, pairs)
    seen = []
    for pair in pairs:
        by_role = {role: hashes[path] for role, path in picture_files(pair).items()}
        common = [role for role, digest in by_role.items() if digest in owners]
        if not common:
            continue
        owner = owners[by_role[common[0]]]
        roles = tuple(role for role in common if owners[by_role[role]] == owner)
        seen.append(SeenPair(pair.id, owner.id, owner.split, roles))
    return tuple(seen)


def _owners(dataset: Dataset) -> dict[str, Pair]:
    """The first pair of training or validation that has a file, by the file's SHA-256."""
    pairs = list(chain.from_iterable(map(dataset.split, LEARNT_SPLITS)))
    hashes = picture_hashes(dataset.root, pairs)
    owners: dict[str, Pair] = {}
    for pair in pairs:
        for path in picture_files(pair).values():
            owners.setdefault(hashes[path], pair)
    return owners


def picture_files(pair: Pair) -> dict[str, Path]:
    """The files of a pair that show its scene, by role."""
    return {
        role: path for role, path in pair_files(pair).items() if role in PICTURE_ROLES
    }


def require_unseen(learnt: Dataset, tested: Dataset) -> None:
    """Refuse test pairs that are in training or validation; the message names both."""
    seen = seen_pairs(learnt, tested)
    if seen:
        raise DatasetError(_refusal(learnt, tested, seen))


def _refusal(learnt: Dataset, tested: Dataset, seen: Sequence[SeenPair]) -> str:
    first, *others = seen
    reason = first.words
    if learnt.content_hash == tested.content_hash:
        remedy = "put both into one split, or leave such pairs out of the test: --leave-out-seen"
    else:
        reason = f"{reason}, in {learnt.name}"
        remedy = "test on another dataset, or take the pair out of this one"
    if others:
        more = counted(len(others), "more test pair")
        reason = f"{reason}; the same holds for {more}"
    return f"{tested.name}: test pair {first.test}: {reason}; {remedy}"


def without_seen(dataset: Dataset) -> Dataset:
    """The dataset without the test pairs that are in its training or validation, which it names."""
    seen = seen_pairs(dataset, dataset)
    if not seen:
        return dataset
    names = {one.test for one in seen}
    pairs = tuple(pair for pair in dataset.pairs if pair.id not in names)
    content = content_hash(pairs, picture_hashes(dataset.root, pairs))
    seen_left_out = tuple(one.left_out for one in seen)
    return replace(
        dataset, pairs=pairs, content_hash=content, seen_left_out=seen_left_out
    )
