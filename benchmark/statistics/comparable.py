"""Tracks of the leaderboard: which systems may be ranked together, and their differences.

A track is what may be ranked together: one dataset revision, profile, version of the scoring and of
the metric, protocol and budget, and within these one input, one training data and one origin of
weights.
"""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "CEILING",
    "NEVER_RANKED",
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
"""Name of the reference row that stands for a perfect restoration; it competes with nothing."""

SIGMA = "_sigma"
"""After a metric's name: what the ceiling's score is uncertain by, per picture."""

SIGNIFICANCE = 0.05
"""Of a difference, after the correction for all differences of its track."""

RANKED_BUDGETS = ("paper",)
NEVER_RANKED = ("deformed-gt",)


@dataclass(frozen=True)
class Standing:
    """One system in its track.

    Attributes:
        system: Name.
        value: Mean score over the pictures that all systems of the track have.
        rank: None where nothing may be ranked.
        rank_low, rank_high: Where 95 % of the resamples of scenes, pictures and seeds rank it;
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
    """Two systems of a track.

    Attributes:
        first, second: Names, the one with the better mean first.
        difference: Difference of the means, first less second.
        p_value: P-value of the paired permutation test by scenes.
        p_adjusted: The same after Holm's correction for all pairs of the track.
        significant: Whether that is at most 0.05.
        below_resolution: Whether the difference is smaller than what the ceiling is uncertain by:
            nothing that this dataset can tell.
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
    """What scores must share before they may be compared.

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
    """Systems that may be compared, and how they compare.

    Attributes:
        contest: What all scores share.
        input, train_dataset, weights: What all systems share.
        images, scenes: Number of images and scenes that all systems of the track have scores of.
        standings: Best first.
        differences: Differences of every two systems; empty with too few scenes.
        alike: Groups in the order of standings in which no two systems differ significantly.
        minimum_detectable: The difference that this dataset would show four times in five; of
            all systems, whatever their track. None with too few scenes.
        ceiling: Score of a perfect restoration, None where it is not known.
        resolution: What that is uncertain by, None where it is not known.
        note: Why there are no tests, or what they leave out; empty for neither.
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
        """For ``export``."""
        return asdict(self)


def may_be_ranked(budget: str, protocol: str, status: str) -> bool:
    """Whether a result may have a rank at all.

    Nothing has one under ``demo``, ``quick``, ``own`` and ``custom``, nor under ``deformed-gt``,
    nor where test scenes may have been trained on.
    """
    return budget in RANKED_BUDGETS and protocol not in NEVER_RANKED and status == "ok"
