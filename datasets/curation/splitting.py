"""Write a dataset with new splits: ``split.json``, the pairs' files, and the manifest last."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from defocus.datasets.audit.pairs.duplicates import near_duplicates
from defocus.datasets.audit.run import Audit
from defocus.datasets.curation.keeping import keep_pairs
from defocus.datasets.curation.splits import Shares, draw_splits, is_official
from defocus.datasets.deriving.derived import claim_folder
from defocus.datasets.files.fingerprint import pair_contents
from defocus.datasets.pair import SPLITS, Dataset, Pair, Split
from defocus.datasets.step import step
from defocus.errors import NotApplicableError

__all__ = ["Drawn", "mean_blur", "split_dataset"]

ORDER = "split.json"


@dataclass(frozen=True)
class Drawn:
    """A dataset with new splits; only official splits can have leaks."""

    pairs: tuple[Pair, ...]
    # ids of pairs in two splits that show nearly the same picture
    leaks: tuple[tuple[str, str], ...]


def split_dataset(dataset: Dataset, audit: Audit, out: Path, shares: Shares, seed: int) -> Drawn:
    """Split a dataset into the folder ``out``, without the pairs that the audit could not read."""
    unread = {one.id for one in audit.left_out}
    whole = tuple(pair for pair in dataset.pairs if pair.id not in unread)
    if not whole:
        raise NotApplicableError(f"{dataset.name}: no pair can be read; {audit.left_out[0].reason}")
    dataset = replace(dataset, pairs=whole)
    splits = draw_splits(dataset, audit, shares, seed)
    order = {
        "format": "defocus-split",
        "content_hash": dataset.content_hash,
        "pairs": pair_contents(dataset),
        "shares": asdict(shares),
        "seed": seed,
    }
    claim_folder(out, ORDER, order)
    pairs = [replace(pair, split=splits[pair.scene]) for pair in dataset.pairs]
    drawn = step("split", **asdict(shares), seed=seed, official=is_official(dataset))
    return Drawn(keep_pairs(dataset, pairs, out, drawn), _leaks(pairs, audit))


def mean_blur(pairs: Sequence[Pair], audit: Audit) -> dict[Split, float]:
    """Mean blur of the measured pairs of each split, px; splits without one are left out."""
    known = {row.id: row.mean_blur_px for row in audit.pairs}
    found = {
        split: [blur for p in pairs if p.split == split and (blur := known[p.id]) is not None]
        for split in SPLITS
    }
    return {split: float(np.mean(blurs)) for split, blurs in found.items() if blurs}


def _leaks(pairs: Sequence[Pair], audit: Audit) -> tuple[tuple[str, str], ...]:
    """Pictures in two of the new splits."""
    split_of = {pair.id: pair.split for pair in pairs}
    prints = [(row.id, split_of[row.id], one) for row in audit.pairs for one in row.fingerprints]
    return tuple((found.first, found.second) for found in near_duplicates(prints))
