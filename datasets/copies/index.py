"""An index of descriptors: which features of many pictures look like those of another."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.copies.features import DESCRIPTOR_SCALE, Floats, LocalFeatures

Indices = NDArray[np.intp]

IN_CELL = 1000
"""Mean number of descriptors in a cell of the index: comparing them takes about as long as finding
the cell."""
MOST_CELLS = 1024

TRIED_PER_CELL = 20
"""Number of descriptors, for each cell, by which the centres are chosen."""
ROUNDS = 4
"""Rounds of the choice of centres; further rounds change hardly anything."""

CELLS_LOOKED_AT = 2
"""Number of cells in which a descriptor is looked for; the second one finds a fifth more."""

LEAST_LIKENESS = 0.88
"""Least correlation of two descriptors of one detail. Copies saved as JPEG have 0.9 and more."""

MOST_MATCHES = 3
"""Number of a descriptor's best matches in a cell that count: a repeating pattern has many."""

COMPARED_TOGETHER = 2_000_000
"""Number of pairs of descriptors that are compared in one step: 8 MB of their correlations."""

LOOKED_UP = 20_000
"""Number of descriptors that are looked up in one step, so that memory stays small."""


Matches = tuple[Indices, Indices, Floats]
"""Features that look alike: numbers of queries and of entries, and their likeness."""


@dataclass(frozen=True)
class CodePairs:
    """Pairs of descriptors that look alike, one per row."""

    queries: Indices  # row among the descriptors that were looked for
    entries: Indices  # row in the index
    likeness: Floats  # their correlation


class FeatureIndex:
    """Features of several pictures, in cells of like descriptors."""

    def __init__(self, pictures: Sequence[LocalFeatures]) -> None:
        counts = list(map(len, pictures))
        self.pictures = np.repeat(np.arange(len(pictures)), counts)
        self.places = np.concatenate([one.places for one in pictures])
        self.scales = np.concatenate([one.scales for one in pictures])
        self.turns = np.concatenate([one.turns for one in pictures])
        self._descriptors = np.concatenate([one.descriptors for one in pictures])
        self._centres = _centres(self._descriptors)
        cells = np.zeros(len(self._descriptors), np.int64)
        for rows in _blocks(len(cells)):
            cells[rows] = self._nearest(self._descriptors[rows], 1)[:, 0]
        self._order = np.argsort(cells, kind="stable")
        numbers = np.arange(len(self._centres) + 1)
        self._starts = np.searchsorted(cells[self._order], numbers)

    def __len__(self) -> int:
        """Number of features."""
        return len(self.places)

    def alike(self, descriptors: Floats) -> CodePairs:
        """The features of the index that look like descriptors of length 1, in no order."""
        nearest = []
        for rows in _blocks(len(descriptors)):
            block = descriptors[rows]
            nearest.append(self._nearest(block, CELLS_LOOKED_AT))
        cells = np.concatenate(nearest)
        numbers = range(len(self._centres))
        matches = [self._alike_in(cell, descriptors, cells) for cell in numbers]
        return CodePairs(*_joined(matches))

    def _nearest(
        self, descriptors: NDArray[np.generic], count: int
    ) -> NDArray[np.int64]:
        """The cells whose centres are nearest to descriptors, ``(N, count)``."""
        near = descriptors.astype(np.float32) @ self._centres.T
        count = min(count, len(self._centres))
        order = np.argpartition(-near, count - 1, axis=1)
        return order[:, :count]

    def _alike_in(
        self, cell: int, descriptors: Floats, cells: NDArray[np.int64]
    ) -> Matches:
        entries = self._order[self._starts[cell] : self._starts[cell + 1]]
        queries = np.flatnonzero((cells == cell).any(axis=1))
        if not len(entries) or not len(queries):
            return queries[:0], entries[:0], np.zeros(0, np.float32)
        held = _unit_vectors(self._descriptors[entries])
        at_once = COMPARED_TOGETHER // len(entries) + 1
        best = []
        for block in _blocks(len(queries), at_once):
            rows = queries[block]
            best.append(_best(rows, descriptors[rows] @ held.T))
        rows, columns, likeness = _joined(best)
        return rows, entries[columns], likeness


def _best(queries: Indices, likeness: Floats) -> Matches:
    """The most alike entries of each query, as queries, columns and values; changes its input."""
    matches = []
    rows = np.arange(len(queries))
    for _ in range(MOST_MATCHES):
        columns = np.argmax(likeness[rows], axis=1)
        values = likeness[rows, columns]
        is_alike = values >= LEAST_LIKENESS
        rows = rows[is_alike]
        columns = columns[is_alike]
        matches.append((queries[rows], columns, values[is_alike]))
        likeness[rows, columns] = -1.0
    return _joined(matches)


def _joined(matches: Iterable[Matches]) -> Matches:
    queries, entries, likeness = zip(*matches, strict=True)
    return np.concatenate(queries), np.concatenate(entries), np.concatenate(likeness)


def _blocks(length: int, size: int = LOOKED_UP) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, start + size)


def _centres(descriptors: NDArray[np.int8]) -> Floats:
    """Centres of cells: k-means on the sphere over some of the descriptors."""
    count = int(np.clip(len(descriptors) // IN_CELL, 1, MOST_CELLS))
    draws = np.random.default_rng(0)
    most = min(len(descriptors), count * TRIED_PER_CELL)
    tried = draws.choice(len(descriptors), most, False)
    sample = _unit_vectors(descriptors[tried])
    centres = sample[:count].copy()
    for _ in range(ROUNDS):
        nearest = np.argmax(sample @ centres.T, axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        means = sums / np.maximum(lengths, 1e-6)
        centres = np.where(lengths > 0, means, centres)
    return centres


def _unit_vectors(descriptors: NDArray[np.int8]) -> Floats:
    """Descriptors as vectors of length 1."""
    return descriptors.astype(np.float32) / np.float32(DESCRIPTOR_SCALE)
