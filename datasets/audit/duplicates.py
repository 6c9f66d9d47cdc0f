"""Pictures in two splits, found by a perceptual hash and confirmed by comparison."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from defocus.likeness import LEAST_CORRELATION, MOST_DIFFERENT_BITS, Fingerprint

__all__ = ["NearDuplicate", "near_duplicates"]


@dataclass(frozen=True)
class NearDuplicate:
    """Two pairs in different splits that show nearly the same picture, by their thumbnails."""

    first: str
    second: str
    splits: tuple[str, str]
    correlation: float


def near_duplicates(
    prints: Sequence[tuple[str, str, Fingerprint]],
) -> tuple[NearDuplicate, ...]:
    """Pictures (id, split, fingerprint) that appear in more than one split, most similar first."""
    best: dict[tuple[str, str], NearDuplicate] = {}
    by_split = _by_split(prints)
    for one, other in itertools.combinations(sorted(by_split), 2):
        for i, j, correlation in _alike(by_split[one], by_split[other]):
            names = by_split[one][i][0], by_split[other][j][0]
            if names not in best or best[names].correlation < correlation:
                best[names] = NearDuplicate(*names, (one, other), correlation)
    return tuple(sorted(best.values(), key=lambda found: (-found.correlation, found.first)))


def _by_split(
    prints: Sequence[tuple[str, str, Fingerprint]],
) -> dict[str, list[tuple[str, Fingerprint]]]:
    groups: dict[str, list[tuple[str, Fingerprint]]] = {}
    for name, split, found in prints:
        groups.setdefault(split, []).append((name, found))
    return groups


def _alike(
    ones: list[tuple[str, Fingerprint]], others: list[tuple[str, Fingerprint]]
) -> list[tuple[int, int, float]]:
    """Indices in both lists, and correlation, of nearly identical pictures."""
    bits = np.stack([found.bits for _, found in others])
    thumbnails = np.stack([found.thumbnail.ravel() for _, found in others])
    alike = []
    for i, (_, found) in enumerate(ones):
        for j in np.flatnonzero((bits != found.bits).sum(axis=1) <= MOST_DIFFERENT_BITS):
            correlation = float(thumbnails[j] @ found.thumbnail.ravel())
            if correlation >= LEAST_CORRELATION:
                alike.append((i, int(j), min(correlation, 1.0)))
    return alike
