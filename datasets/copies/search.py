"""Pictures of one split that are in another split, by local features and then by pixels."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.copies.features import (
    Codes,
    LocalFeatures,
    turn_matrices,
    with_unsure_turns,
)
from defocus.datasets.copies.index import MOST_MATCHES, FeatureIndex
from defocus.datasets.copies.placing import (
    FEWEST_AGREEING,
    PixelAgreement,
    Placing,
    agreed_placing,
    common_shares,
    part_agreement,
    pixel_agreement,
)

Indices = NDArray[np.intp]

LOOKED_FOR = 300
"""Number of features of a picture that are looked for in other pictures, spread over its levels. A
part of 128 px has fewer."""

QUERIED_TOGETHER = 100
"""Number of pictures that are looked for in one step."""

PLACES_COMPARED = 5
"""Number of places of each picture that are compared by pixels: those with most agreeing features.
"""

CONTAINED_SHARE = 0.95
"""Share of the smaller picture that lies in the other one where it is cut out of it."""
LEAST_OVERLAP_LIKENESS, OVERLAP_FEATURES = 0.97, 12
"""Least correlation and least number of agreeing features of two pictures that only overlap:
windows of a house front that look the same had 0.95."""

SAME_PLACE_FEATURES = 12
"""Number of agreeing features from which two pictures that are no copies show the same place."""


@dataclass(frozen=True)
class SearchedPicture:
    """A picture that is looked for in other splits and in which others are looked for."""

    name: str
    split: str
    features: LocalFeatures
    grey: Callable[[], Codes]  # reads its pixels


@dataclass(frozen=True)
class SharedPart:
    """A picture that is in another one, or shows the same place."""

    here: int  # number of the picture that was looked for
    there: int  # number of the picture that it is in
    placing: Placing
    likeness: float  # correlation of the fine detail; 0 where there is too little of it
    is_copy: bool  # else both show the same place
    shares: tuple[float, float]  # of both pictures that they have in common


def shared_parts(pictures: Sequence[SearchedPicture]) -> list[SharedPart]:
    """The pictures of each split that are in those of others, best first, each pair once."""
    numbers = _by_split(pictures)
    grey = lru_cache(maxsize=16)(lambda number: pictures[number].grey())
    best: dict[tuple[int, int], SharedPart] = {}
    for split, held in numbers.items():
        others = [
            n for name, members in numbers.items() if name != split for n in members
        ]
        if not others:
            continue
        index = FeatureIndex([pictures[number].features for number in held])
        for here, places in _places(pictures, others, index):
            for there, placing in places:
                part = _compared(pictures, (here, held[there]), placing, grey)
                if part is not None:
                    _keep_best(best, part)
    return sorted(best.values(), key=_order)


def _by_split(pictures: Sequence[SearchedPicture]) -> dict[str, list[int]]:
    """Numbers of the pictures with features, by split."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, picture in enumerate(pictures):
        if len(picture.features):
            numbers[picture.split].append(number)
    return numbers


def _order(part: SharedPart) -> tuple[bool, float, int, int]:
    return (not part.is_copy, -part.likeness, part.here, part.there)


def _keep_best(best: dict[tuple[int, int], SharedPart], part: SharedPart) -> None:
    """Keep the better find of a pair of pictures: each was looked for in the other."""
    key = min(part.here, part.there), max(part.here, part.there)
    if key not in best or _order(part) < _order(best[key]):
        best[key] = part


def _places(
    pictures: Sequence[SearchedPicture], numbers: Sequence[int], index: FeatureIndex
) -> Iterator[tuple[int, list[tuple[int, Placing]]]]:
    """For each picture the places in pictures of the index on which most of its features agree."""
    for start in range(0, len(numbers), QUERIED_TOGETHER):
        block = numbers[start : start + QUERIED_TOGETHER]
        chosen = [_looked_for(pictures[number].features) for number in block]
        matches = _matches(chosen, index)
        ends = np.searchsorted(matches.picture, np.arange(len(block) + 1))
        for position, (begin, end) in enumerate(pairwise(ends)):
            places = _agreed(chosen[position], matches.rows(slice(begin, end)), index)
            yield block[position], places


def _looked_for(features: LocalFeatures) -> LocalFeatures:
    """The strongest features of each level, equally many of each as far as it has them."""
    if len(features) <= LOOKED_FOR:
        return features
    order = np.lexsort((-features.strengths, features.scales))
    scales = features.scales[order]
    starts = np.searchsorted(scales, scales)
    rank_in_level = np.arange(len(order)) - starts
    return features.chosen(order[np.argsort(rank_in_level, kind="stable")[:LOOKED_FOR]])


@dataclass(frozen=True)
class _Matches:
    """Matches of several pictures' features, sorted by picture."""

    picture: Indices  # position of the picture among those that are looked for
    feature: Indices  # row of the feature in its picture
    turn: Codes  # with which it was looked for
    entry: Indices  # row in the index

    def rows(self, rows: slice) -> "_Matches":
        """Some of the matches."""
        return _Matches(
            self.picture[rows], self.feature[rows], self.turn[rows], self.entry[rows]
        )


def _matches(chosen: Sequence[LocalFeatures], index: FeatureIndex) -> _Matches:
    """The best matches of all features of some pictures."""
    parts = list(map(with_unsure_turns, chosen))
    picture = np.repeat(np.arange(len(parts)), [len(rows) for rows, _, _ in parts])
    feature = np.concatenate([rows for rows, _, _ in parts])
    turn = np.concatenate([turns for _, turns, _ in parts])
    alike = index.alike(np.concatenate([descriptors for _, _, descriptors in parts]))
    order = np.lexsort(
        (-alike.likeness, feature[alike.queries], picture[alike.queries])
    )
    queries = alike.queries[order]
    entries = alike.entries[order]
    kept = _first_of_each(queries, picture, feature)
    queries = queries[kept]
    entries = entries[kept]
    return _Matches(picture[queries], feature[queries], turn[queries], entries)


def _first_of_each(
    queries: Indices, picture: Indices, feature: Indices
) -> NDArray[np.bool_]:
    """Whether a match is among the first :data:`MOST_MATCHES` of its feature."""
    begins = np.ones(len(queries), np.bool_)
    begins[1:] = (np.diff(picture[queries]) != 0) | (np.diff(feature[queries]) != 0)
    rank = np.arange(len(queries)) - np.maximum.accumulate(
        np.where(begins, np.arange(len(queries)), 0)
    )
    return rank < MOST_MATCHES


def _agreed(
    features: LocalFeatures, matches: _Matches, index: FeatureIndex
) -> list[tuple[int, Placing]]:
    """The pictures of the index with a place on which enough features agree, the best first."""
    relative = _RELATIVE[index.turns[matches.entry], matches.turn]
    held = index.pictures[matches.entry]
    groups = held * 8 + relative
    places: dict[int, Placing] = {}
    numbers, counts = np.unique(groups, return_counts=True)
    for group in numbers[counts >= FEWEST_AGREEING]:
        mine = np.flatnonzero(groups == group)
        placing = _placing_of(features, matches, index, mine, group)
        there = int(group // 8)
        if placing is not None and (
            there not in places or places[there].agreeing < placing.agreeing
        ):
            places[there] = placing
    ordered = sorted(places.items(), key=lambda one: -one[1].agreeing)
    return ordered[:PLACES_COMPARED]


def _placing_of(
    features: LocalFeatures,
    matches: _Matches,
    index: FeatureIndex,
    mine: Indices,
    group: int,
) -> Placing | None:
    """Where the matches of one picture in one turn agree to place it."""
    entries = matches.entry[mine]
    rows = matches.feature[mine]
    return agreed_placing(
        int(group % 8),
        features.places[rows].astype(np.float64),
        index.places[entries].astype(np.float64),
        (index.scales[entries] / features.scales[rows]).astype(np.float64),
        rows,
    )


def _relative_turns() -> Codes:
    """The turn from one picture to another, by the turns of a feature there and here."""
    matrices = turn_matrices()
    table = np.zeros((8, 8), np.uint8)
    for there in range(8):
        for here in range(8):
            wanted = matrices[there].T @ matrices[here]
            table[there, here] = np.flatnonzero((matrices == wanted).all((1, 2)))[0]
    return table


_RELATIVE = _relative_turns()


def _compared(
    pictures: Sequence[SearchedPicture],
    numbers: tuple[int, int],
    placing: Placing,
    grey: Callable[[int], Codes],
) -> SharedPart | None:
    """The common part of two pictures by their pixels; None if features agreed by chance."""
    here, there = numbers
    agreement = pixel_agreement(grey(here), grey(there), placing)
    shape, other_shape = (pictures[number].features.shape for number in numbers)
    shares = common_shares(shape, other_shape, placing)
    is_copy = agreement is not None and _is_copy(agreement, placing, max(shares))
    if not is_copy and placing.agreeing >= OVERLAP_FEATURES:
        pasted = part_agreement(grey(here), grey(there), placing)
        if pasted is not None and _is_copy(pasted, placing, 0.0):
            agreement = pasted
            is_copy = True
    if not is_copy and placing.agreeing < SAME_PLACE_FEATURES:
        return None
    likeness = 0.0 if agreement is None else agreement.likeness
    return SharedPart(here, there, placing, likeness, is_copy, shares)


def _is_copy(agreement: PixelAgreement, placing: Placing, share: float) -> bool:
    """Whether pixels that agree show a copy; two pictures that only overlap need to agree more."""
    if not agreement.is_copy or share >= CONTAINED_SHARE:
        return agreement.is_copy
    is_like = agreement.likeness >= LEAST_OVERLAP_LIKENESS
    return is_like and placing.agreeing >= OVERLAP_FEATURES
