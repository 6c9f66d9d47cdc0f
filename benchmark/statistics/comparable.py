"""Tracks of the leaderboard: which systems may be ranked together, and their differences.

The systems of a track may be ranked together. They share dataset revision, profile, versions of
scoring and metric, protocol and budget, as well as input, training data and origin of weights.
"""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "CEILING",
    "NEVER_RANKED",
    "PERFECT",
    "RANKED_BUDGETS",
    "SIGMA",
    "SIGNIFICANCE",
    "Contest",
    "Difference",
    "Standing",
    "Track",
    "may_be_ranked",
]

CEILING = "ceiling"
"""Id of the reference row that stands for a perfect restoration; it competes with nothing."""

PERFECT = "Perfect restoration"
"""What people read instead of that id: systems that follow their reference can exceed it."""

SIGMA = "_sigma"
"""After a metric's name: what the ceiling's score is uncertain by, per picture."""

SIGNIFICANCE = 0.05
"""Of a difference, after the correction for all differences of its track."""

RANKED_BUDGETS = ("paper",)
NEVER_RANKED = ("deformed-gt",)


@dataclass(frozen=True)
class Standing:
    """Standing of one system in its track.

    Attributes:
        system: Name of the system.
        value: Mean score over the pictures that all systems of the track have.
        rank: Its rank; None if ranking is not allowed.
        rank_low, rank_high: Range of ranks in 95 % of the resamples of scenes, pictures and seeds;
            None with too few scenes.
        first_share: Share of the resamples in which it is first.
    """

    system: str
    value: float
    rank: int | None
    rank_low: int | None = None
    rank_high: int | None = None
    first_share: float | None = None


@dataclass(frozen=True)
class Difference:
    """Difference between two systems of a track.

    Attributes:
        first, second: Names of the systems, the one with the better mean first.
        difference: Difference of the means, first minus second.
        p_value: P-value of the paired permutation test by scenes.
        p_adjusted: The p-value after Holm's correction for all pairs of the track.
        significant: Whether the corrected p-value is at most 0.05.
        below_resolution: Whether the difference is smaller than the uncertainty of the ceiling, so
            that this dataset cannot resolve it.
    """

    first: str
    second: str
    difference: float
    p_value: float
    p_adjusted: float
    significant: bool
    below_resolution: bool


@dataclass(frozen=True, order=True)
class Contest:
    """Properties that scores must share to be comparable.

    Attributes:
        dataset, data_revision, split: What was evaluated.
        budget: Budget of the trainings.
        profile, evaluation, protocol, metric, metric_version: How it was scored.
    """

    dataset: str
    data_revision: str
    split: str
    budget: str
    profile: str
    evaluation: str
    protocol: str
    metric: str
    metric_version: str = ""


@dataclass(frozen=True)
class Track:
    """Comparable systems with their standings and differences.

    Attributes:
        contest: Properties that all scores share.
        input, train_dataset, weights: Properties that all systems share.
        images, scenes: Number of images and scenes that all systems of the track have scores of.
        standings: Standings, best first.
        differences: Differences of every two systems; empty with too few scenes.
        alike: Groups of systems, in the order of standings, in which no two differ significantly.
        minimum_detectable: The difference that this dataset would show in 80 % of cases, from all
            systems of any track. None with too few scenes.
        ceiling: Score of a perfect restoration; None if unknown.
        resolution: Uncertainty of the ceiling; None if unknown.
        note: Why there are no tests, or what they leave out; else empty.
    """

    contest: Contest
    input: str
    train_dataset: str
    weights: str
    images: int
    scenes: int
    standings: tuple[Standing, ...]
    differences: tuple[Difference, ...]
    alike: tuple[tuple[str, ...], ...]
    minimum_detectable: float | None
    ceiling: float | None
    resolution: float | None
    note: str

    def to_json(self) -> dict[str, Any]:
        """The track as JSON values, for ``export``."""
        return asdict(self)


def may_be_ranked(budget: str, protocol: str, status: str, *, trained_alike: bool = False) -> bool:
    """Whether a result may be ranked.

    Results are not ranked under ``demo``, ``quick``, ``own``, ``custom`` and ``deformed-gt``, or if
    test scenes may have been used for training.

    Args:
        budget: Budget of the training.
        protocol: What the result was compared with.
        status: Status of the run.
        trained_alike: Whether all rivals had an equal training, which allows any budget.
    """
    comparable = trained_alike or budget in RANKED_BUDGETS
    return comparable and protocol not in NEVER_RANKED and status == "ok"
