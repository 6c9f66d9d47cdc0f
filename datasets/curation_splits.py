"""Splits that keep scenes, and scenes that look alike, in one part; official ones are kept.

Others are drawn with place, mean blur of the blur map, and misalignment spread over all parts."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from pathlib import Path

import numpy as np

from defocus.datasets.api import reader_card
from defocus.datasets.audit.pair_audit import near_duplicates
from defocus.datasets.audit.run import Audit
from defocus.datasets.deriving.maker import Derived, content_of, keeping, make_dataset
from defocus.datasets.pair import (
    SPLITS,
    Dataset,
    Pair,
    Split,
    by_id,
    ids_of,
    joined,
    remaining,
    step,
)
from defocus.errors import NotApplicableError
from defocus.likeness import LEAST_CORRELATION, MOST_DIFFERENT_BITS, Fingerprint

Kind = tuple[str, ...]
"""Properties that a group shares with others of its kind; all groups are of the kind ``()``."""
SplitOf = dict[str, Split]
"""The split of each scene."""

CLASSES = 3
"""Number of classes of blur and of misalignment: small, middle and large."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Shares:
    """Shares of the pairs for testing and validation."""

    test: float = 0.2
    validation: float = 0.1


@dataclass(frozen=True)
class Group:
    """Scenes that must stay together, their number of pairs, and their kind (the stratum)."""

    scenes: tuple[str, ...]
    pairs: int
    stratum: tuple[str, ...]


def is_official(dataset: Dataset) -> bool:
    """Whether the authors of a dataset made its splits."""
    names = {dataset.source, dataset.name.partition(":")[0]} - {""}
    return any("test" in reader_card(name).counts for name in names)


def draw_splits(dataset: Dataset, audit: Audit, shares: Shares, seed: int) -> SplitOf:
    """The split of each scene; at least one scene is left for training."""
    if is_official(dataset):
        return _with_validation(dataset, audit, shares, seed)
    groups = _groups(dataset.pairs, audit)
    if len(groups) < 2:
        raise NotApplicableError(
            f"{dataset.name}: all pairs belong to one scene or look alike; capture more scenes"
        )
    wanted: dict[Split, float] = {
        "train": 1.0 - shares.test - shares.validation,
        "validation": shares.validation,
        "test": shares.test,
    }
    return _drawn(groups, wanted, seed)


def _with_validation(
    dataset: Dataset, audit: Audit, shares: Shares, seed: int
) -> SplitOf:
    """The official splits, with a validation split from training scenes if there is none."""
    splits: SplitOf = {pair.scene: pair.split for pair in dataset.pairs}
    if "validation" in splits.values() or "train" not in splits.values():
        return splits
    groups = _groups(dataset.split("train"), audit)
    if len(groups) < 2:
        raise NotApplicableError(
            f"{dataset.name}: its training pairs come from one scene, so none can be held out"
        )
    wanted: dict[Split, float] = {
        "train": 1.0 - shares.validation,
        "validation": shares.validation,
    }
    return splits | _drawn(groups, wanted, seed)


def _groups(pairs: Sequence[Pair], audit: Audit) -> list[Group]:
    rows = by_id(audit.pairs)
    blur = _classes({pair.id: rows[pair.id].mean_blur_px for pair in pairs})
    misaligned = _classes({pair.id: rows[pair.id].misalignment_px for pair in pairs})
    groups = []
    for scenes in linked_scenes(pairs, audit):
        members = [pair for pair in pairs if pair.scene in scenes]
        kinds = (
            _most(map(_place, members)),
            _most(blur[pair.id] for pair in members),
            _most(misaligned[pair.id] for pair in members),
        )
        groups.append(Group(scenes, len(members), kinds))
    return groups


def _place(pair: Pair) -> str:
    """``indoor``, ``outdoor`` or unknown."""
    return str(pair.metadata.get("place", UNKNOWN))


def _most(kinds: Iterable[str]) -> str:
    counts = Counter(kinds)
    return min(counts, key=lambda kind: (-counts[kind], kind))


def _classes(sizes: Mapping[str, float | None]) -> dict[str, str]:
    """The third of the known values that each value belongs to."""
    numbers = np.array([size for size in sizes.values() if size is not None])
    if not len(numbers):
        return dict.fromkeys(sizes, UNKNOWN)
    bounds = np.quantile(numbers, np.arange(1, CLASSES) / CLASSES)
    classes = dict.fromkeys(sizes, UNKNOWN)
    for name, size in sizes.items():
        if size is not None:
            classes[name] = str(int(np.searchsorted(bounds, size)))
    return classes


def linked_scenes(pairs: Sequence[Pair], audit: Audit) -> list[tuple[str, ...]]:
    """Groups of scenes with nearly the same picture or a common source picture."""
    users: dict[str, str] = {}
    links = list(_alike(pairs, audit))
    for pair in pairs:
        for source in _sources(pair):
            first = users.setdefault(source, pair.scene)
            links.append((pair.scene, first))
    group = joined((pair.scene for pair in pairs), links)
    linked: dict[str, list[str]] = {}
    for scene in sorted(group):
        linked.setdefault(group[scene], []).append(scene)
    return list(map(tuple, linked.values()))


def _alike(pairs: Sequence[Pair], audit: Audit) -> Iterator[tuple[str, str]]:
    """Scenes with nearly the same picture."""
    ids = ids_of(pairs)
    scenes: list[str] = []
    prints: list[Fingerprint] = []
    for row in audit.pairs:
        if row.id in ids:
            scenes += [row.scene] * len(row.fingerprints)
            prints += row.fingerprints
    if not prints:
        return
    bits = np.stack([one.bits for one in prints])
    thumbnails = np.stack([one.thumbnail.ravel() for one in prints])
    for i, thumbnail in enumerate(thumbnails):
        different = (bits[i + 1 :] != bits[i]).sum(axis=1)
        near = i + 1 + np.flatnonzero(different <= MOST_DIFFERENT_BITS)
        for j in near[thumbnails[near] @ thumbnail >= LEAST_CORRELATION]:
            yield scenes[i], scenes[j]


def _sources(pair: Pair) -> list[str]:
    """Source pictures of a rendered pair."""
    sources = pair.metadata.get("sources", [])
    if isinstance(sources, list | tuple):
        return list(map(str, sources))
    return []


def _drawn(
    groups: Sequence[Group], wanted: Mapping[Split, float], seed: int
) -> SplitOf:
    """Assign each group to the split that lacks most of its kind, or else most overall."""
    given: Counter[Kind] = Counter()
    total: Counter[Kind] = Counter()
    splits: SplitOf = {}
    for group in sorted(groups, key=lambda group: (group.stratum, _order(group, seed))):
        kinds = (group.stratum, ())
        for kind in kinds:
            total[kind] += group.pairs
        candidates = []
        for split, share in wanted.items():
            lack = sum(share * total[kind] - given[split, *kind] for kind in kinds)
            candidates.append((lack, share, split))
        *_, chosen = max(candidates, key=itemgetter(0, 1))
        for kind in kinds:
            given[chosen, *kind] += group.pairs
        splits |= dict.fromkeys(group.scenes, chosen)
    return _mended(groups, splits, wanted, seed)


def _mended(
    groups: Sequence[Group],
    splits: SplitOf,
    wanted: Mapping[Split, float],
    seed: int,
) -> SplitOf:
    """Ensure a scene in training and in each requested split of small datasets, if possible."""
    for split in sorted(wanted, key=lambda split: (split != "test", split)):
        if split in splits.values() or not wanted[split]:
            continue
        counts = Counter(splits[group.scenes[0]] for group in groups)
        richest = max(counts, key=lambda one: (counts[one], one))
        if counts[richest] < 2:
            continue
        spare = [group for group in groups if splits[group.scenes[0]] == richest]
        moved = min(spare, key=lambda group: (group.pairs, _order(group, seed)))
        splits |= dict.fromkeys(moved.scenes, split)
    return splits


def _order(group: Group, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{group.scenes[0]}".encode()).hexdigest()


@dataclass(frozen=True)
class Drawn(Derived):
    """A dataset with new splits; only official splits can have leaks."""

    # ids of pairs in two splits that show nearly the same picture
    leaks: tuple[tuple[str, str], ...] = ()


def split_dataset(
    dataset: Dataset, audit: Audit, out: Path, shares: Shares, seed: int
) -> Drawn:
    """Split a dataset into the folder ``out``, without the pairs that the audit could not read."""
    whole = tuple(remaining(dataset.pairs, audit.left_out))
    if not whole:
        raise NotApplicableError(
            f"{dataset.name}: no pair can be read; {audit.left_out[0].reason}"
        )
    dataset = replace(dataset, pairs=whole)
    splits = draw_splits(dataset, audit, shares, seed)
    pairs = [replace(pair, split=splits[pair.scene]) for pair in dataset.pairs]
    drawn = step("split", **asdict(shares), seed=seed, official=is_official(dataset))
    order = {**content_of(dataset), "shares": asdict(shares), "seed": seed}
    made_dataset = make_dataset(out, keeping("split", order, dataset, pairs, drawn))
    return Drawn(out, made_dataset.pairs, made_dataset.left_out, _leaks(pairs, audit))


def mean_blur(pairs: Sequence[Pair], audit: Audit) -> dict[Split, float]:
    """Mean blur of the measured pairs of each split, px; splits without one are left out."""
    rows = by_id(audit.pairs)
    known: dict[Split, list[float]] = {split: [] for split in SPLITS}
    for pair in pairs:
        blur = rows[pair.id].mean_blur_px
        if blur is not None:
            known[pair.split].append(blur)
    return {split: float(np.mean(blurs)) for split, blurs in known.items() if blurs}


def _leaks(pairs: Sequence[Pair], audit: Audit) -> tuple[tuple[str, str], ...]:
    """Pictures in two of the new splits."""
    split_of = {pair.id: pair.split for pair in pairs}
    prints = []
    for row in audit.pairs:
        prints += [(row.id, split_of[row.id], one) for one in row.fingerprints]
    return tuple((twins.first, twins.second) for twins in near_duplicates(prints))
