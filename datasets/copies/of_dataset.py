"""The pictures of a dataset that are in two of its splits; what was searched once is kept."""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from defocus.cache import cache_folder
from defocus.cluster.dispatcher import each
from defocus.datasets.copies.features import (
    FEATURES_REVISION,
    features_of_file,
    grey_picture,
)
from defocus.datasets.copies.placing import Placing
from defocus.datasets.copies.search import SearchedPicture, SharedPart, shared_parts
from defocus.datasets.pair import SPLITS, Dataset, Pair, Split
from defocus.datasets.pair_files import file_hashes
from defocus.processes.isolation import LeftOut, require_none_killed
from defocus.processes.machines import Where
from defocus.progress import track
from defocus.reading import read_json
from defocus.storage.files import make_folder, write_json

SEARCH_REVISION = 2
"""Revision of the search. Raise it where it finds other pictures: kept results are not read."""

WHOLE_SHARE = 0.85
"""Least share of both pictures that is shared by pictures which are the same as a whole."""

LOOKED_FOR = (
    "whole pictures, also saved again, resized or brightened, and parts of the sharp pictures from "
    "128 px a side on, also mirrored, turned by 90° and of 1/3 to 3 times the size"
)
"""Objects of the search, for a message that it found none."""

NOT_LOOKED_FOR = (
    "parts with hardly any detail, such as sky or walls, and small pasted things"
)
"""Parts that the search does not find."""


@dataclass(frozen=True)
class SharedPicture:
    """Two pairs in different splits whose pictures have a part in common, or show one place."""

    first: str
    second: str
    splits: tuple[str, str]
    likeness: float  # correlation of the fine detail
    is_copy: bool  # else two photographs of the same place
    is_whole: bool  # both share nearly all of their pictures
    change: str  # how the second differs, such as "mirrored"; empty if it does not


def shared_pictures(
    dataset: Dataset, where: Where = 1, splits: Sequence[Split] = SPLITS
) -> tuple[SharedPicture, ...]:
    """Pictures that are in two of the splits, copies first, then by likeness."""
    pairs = [pair for pair in dataset.pairs if pair.split in splits]
    if len({pair.split for pair in pairs}) < 2:
        return ()
    files = {pair.id: _searched_file(pair) for pair in pairs}
    hashes = file_hashes(dataset.root, files.values())
    rows = [(pair.id, pair.split, hashes[files[pair.id]], pair.white) for pair in pairs]
    key = hashlib.sha256(
        json.dumps([rows, FEATURES_REVISION, SEARCH_REVISION]).encode()
    )
    place = cache_folder() / "copies" / f"{key.hexdigest()}.json"
    kept = _kept(place)
    if kept is not None:
        return kept
    shared = _searched(dataset.name, pairs, files, hashes, where)
    make_folder(place.parent)
    write_json(place, list(map(asdict, shared)))
    return shared


def _searched_file(pair: Pair) -> Path:
    """The member of a pair that has most detail."""
    return pair.sharp or pair.truth or pair.blurry


def _kept(place: Path) -> tuple[SharedPicture, ...] | None:
    """The result of an earlier search; None if it is not kept or damaged."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        rows = read_json(place)
        return tuple(
            SharedPicture(**{**row, "splits": tuple(row["splits"])}) for row in rows
        )
    return None


def _searched(
    name: str,
    pairs: Sequence[Pair],
    files: dict[str, Path],
    hashes: dict[Path, str],
    where: Where,
) -> tuple[SharedPicture, ...]:
    hashed = {}
    for pair in pairs:
        path = files[pair.id]
        hashed[pair.id] = (path, hashes[path], pair.white)
    looks = dict(
        track(each(_prepared, hashed, where), f"details of {name}", len(hashed))
    )
    require_none_killed(looks.values(), "picture")
    pictures = []
    for pair in pairs:
        if not isinstance(looks[pair.id], LeftOut):
            features = features_of_file(*hashed[pair.id])
            grey = partial(grey_picture, files[pair.id], pair.white)
            pictures.append(SearchedPicture(pair.id, pair.split, features, grey))
    return tuple(_of_pairs(pictures, part) for part in shared_parts(pictures))


def _prepared(hashed: tuple[Path, str, float | None]) -> None:
    """Compute and keep the features of a picture, which are large."""
    features_of_file(*hashed)


def _of_pairs(pictures: Sequence[SearchedPicture], part: SharedPart) -> SharedPicture:
    here = pictures[part.here]
    there = pictures[part.there]
    is_whole = min(part.shares) >= WHOLE_SHARE
    changes = _changes(part.placing, there.name)
    first, second = sorted((here, there), key=lambda one: (one.split, one.name))
    return SharedPicture(
        first.name,
        second.name,
        (first.split, second.split),
        round(min(part.likeness, 1.0), 4),
        part.is_copy,
        is_whole,
        ", ".join(changes),
    )


def _changes(placing: Placing, name: str) -> list[str]:
    """How a picture differs from the one that contains it, in words."""
    changes = ["mirrored"] if placing.is_mirrored else []
    if placing.quarter_turns:
        changes.append(f"turned by {90 * placing.quarter_turns}°")
    if abs(placing.scale - 1.0) > 0.02:
        changes.append(f"{placing.scale:.2f} times as large in {name}")
    return changes
