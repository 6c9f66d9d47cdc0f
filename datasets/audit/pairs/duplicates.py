"""Pictures in two splits, found by a perceptual hash and confirmed by comparison.

Source of the hash: the DCT hash known as pHash (Zauner, Implementation and Benchmarking of
Perceptual Image Hash Functions, 2010), as the library imagehash computes it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

__all__ = [
    "LEAST_CORRELATION",
    "MOST_DIFFERENT_BITS",
    "THUMBNAIL_PX",
    "Fingerprint",
    "NearDuplicate",
    "fingerprint",
    "near_duplicates",
]

MOST_DIFFERENT_BITS = 12
"""Of 64; a picture saved again, resized, brightened or a little cropped differs by fewer."""
HASHED_PX = 512
"""Shorter side from twice of which on a picture is reduced before it is hashed."""
THUMBNAIL_PX = 48
LEAST_CORRELATION = 0.93
"""Of the thumbnails; hashes alone confuse simple pictures such as a dark object on a light wall."""


@dataclass(frozen=True)
class Fingerprint:
    """Data to recognise a picture.

    Attributes:
        bits: ``(64,)`` bool, the perceptual hash.
        thumbnail: ``(48, 48)`` float32, grey, zero mean and unit length.
    """

    bits: NDArray[np.bool_]
    thumbnail: NDArray[np.float32]


@dataclass(frozen=True)
class NearDuplicate:
    """Two pairs in different splits that show nearly the same picture.

    Attributes:
        first, second: Ids of the pairs.
        splits: Their splits, in the same order.
        correlation: Correlation of the thumbnails, at most 1.
    """

    first: str
    second: str
    splits: tuple[str, str]
    correlation: float


def fingerprint(picture: NDArray[np.uint8]) -> Fingerprint:
    """The fingerprint of a ``(H, W, 3)`` uint8 RGB picture."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    factor = max(1, min(grey.shape) // HASHED_PX)  # of a large picture that takes half the time
    shown = cv2.resize(grey, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    bits = imagehash.phash(PillowImage.fromarray(np.asarray(shown))).hash.ravel()
    small = cv2.resize(grey, (THUMBNAIL_PX,) * 2, interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    length = float(np.linalg.norm(small))
    return Fingerprint(np.asarray(bits, dtype=np.bool_), small / max(length, 1e-6))


def near_duplicates(
    prints: Sequence[tuple[str, str, Fingerprint]],
) -> tuple[NearDuplicate, ...]:
    """Pictures that appear in more than one split, most similar first.

    Args:
        prints: Id, split and fingerprint of each picture; an id may occur more than once.
    """
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
