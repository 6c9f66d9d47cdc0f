"""Test pictures of a study that resemble pictures of its training or validation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from defocus.benchmark.leaderboard.seen_notes import resembling_words
from defocus.datasets.copies.of_dataset import SharedPicture, shared_pictures
from defocus.datasets.pair import Dataset
from defocus.processes.workers import usable_cores
from defocus.progress import warn_once

IN_PROCESSES_FROM = 100
"""Number of pairs from which the pictures are compared in several processes: starting these takes
as long as 20 pairs."""


@dataclass(frozen=True)
class NearCopy:
    """A test pair whose picture is, in whole or in part, that of another split's pair."""

    test: str
    other: str
    split: str  # of the other pair
    what: str  # what they share, such as "part, mirrored"


def near_copies(dataset: Dataset) -> tuple[NearCopy, ...]:
    """The test pictures that are in training or validation, as ``audit`` finds them."""
    # Pairs that are rendered on demand are of photographs that the test has none of.
    if dataset.endless is not None or not dataset.split("test"):
        return ()
    processes = usable_cores() if len(dataset.pairs) >= IN_PROCESSES_FROM else 1
    copies = []
    for shared in shared_pictures(dataset, processes):
        if not shared.is_copy or "test" not in shared.splits:
            continue
        copies.append(_of_test(shared))
    return tuple(copies)


def _of_test(shared: SharedPicture) -> NearCopy:
    """The near copies seen from the test pair; it is the first, as names of splits are sorted."""
    extent = "whole" if shared.is_whole else "part"
    what = ", ".join(filter(None, (extent, shared.change)))
    first_split, second_split = shared.splits
    if first_split == "test":
        return NearCopy(shared.first, shared.second, second_split, what)
    return NearCopy(shared.second, shared.first, first_split, what)


def warn_of_near_copies(dataset: Dataset, copies: Sequence[NearCopy]) -> None:
    """Say once which test pictures resemble others."""
    if copies:
        warn_once(resembling_words(dataset.name, list(map(asdict, copies))))
