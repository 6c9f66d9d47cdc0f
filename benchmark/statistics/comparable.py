"""Tracks of the leaderboard: which systems may be ranked together, and their differences.

The systems of a track may be ranked together. They share dataset revision, profile, versions of
scoring and metric, protocol and budget, as well as input, training data and origin of weights.
Systems that were not trained here are taken as they are: these share budget and input alone.
"""

from dataclasses import asdict, dataclass
from typing import Any

from defocus.benchmark.results.store import NOT_TRAINED

__all__ = [
    "CEILING",
    "NEVER_RANKED",
    "PERFECT",
    "RANKED_BUDGETS",
    "SIGNIFICANCE",
    "TRUTH",
    "Contest",
    "Difference",
    "Standing",
    "Track",
    "may_be_ranked",
    "shared_origin",
]

CEILING = "ceiling"
"""Id of the reference row that stands for a perfect restoration; it competes with nothing."""

PERFECT = "Perfect restoration"
"""What people read instead of that id: systems that follow their reference can exceed it."""

SIGNIFICANCE = 0.05
"""Of a difference, after the correction for all differences of its track."""

TRUTH = "truth"
"""The protocol of rendered pictures: a perfect restoration is the reference itself."""

RANKED_BUDGETS = ("paper", NOT_TRAINED)
NEVER_RANKED = ("deformed-gt",)


@dataclass(frozen=True)
class Standing:
    """Standing of one system in its track.

    Attributes:
        system, weights, train_dataset: The system, the origin of its weights, and what they were
            trained on.
        label: The system's name; with its weights where the track has it twice.
        value: Mean score over the pictures that all systems of the track have.
        rank: Its rank; None if ranking is not allowed.
        rank_low, rank_high: Range of ranks in 95 % of the resamples of scenes, pictures and seeds;
            None with too few scenes.
        first_share: Share of the resamples in which it is first.
    """

    system: str
    weights: str
    train_dataset: str
    label: str
    value: float
    rank: int | None
    rank_low: int | None = None
    rank_high: int | None = None
    first_share: float | None = None


@dataclass(frozen=True)
class Difference:
    """Difference between two systems of a track.

    Attributes:
        first, second: Labels of the systems, the one with the better mean first.
        difference: Difference of the means, first minus second.
        p_value: P-value of the paired permutation test by scenes.
        p_adjusted: The p-value after Holm's correction for all pairs of the track.
        significant: Whether the corrected p-value is at most 0.05.
        resolution: How far the difference changes where the references are moved by their standard
            errors; None where these are unknown.
    """

    first: str
    second: str
    difference: float
    p_value: float
    p_adjusted: float
    significant: bool
    resolution: float | None = None

    @property
    def below_resolution(self) -> bool:
        """Whether the difference is smaller than what the place of the references leaves open."""
        return self.resolution is not None and abs(self.difference) < self.resolution


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
        input, train_dataset, weights: Properties that all systems share; the last two are empty
            where they were not trained here.
        images, scenes: Number of images and scenes that all systems of the track have scores of.
            A system that lacks pictures of others is in no track.
        standings: Standings, best first.
        differences: Differences of every two systems; empty with too few scenes.
        alike: Groups of systems, by label, in the order of standings, in which no two differ
            significantly.
        minimum_detectable: The difference that this dataset would show in 80 % of cases, from all
            systems of any track. None with too few scenes.
        ceiling: Score of a perfect restoration; None if unknown.
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
    note: str

    def standing(self, system: str, weights: str, train_dataset: str) -> Standing | None:
        """The standing of a line; None if it has none."""
        line = (system, weights, train_dataset)
        known = (
            one for one in self.standings if line == (one.system, one.weights, one.train_dataset)
        )
        return next(known, None)

    def to_json(self) -> dict[str, Any]:
        """The track as JSON values, for ``table leaderboard``."""
        return asdict(self)


def shared_origin(
    budget: str, given: str, train_dataset: str, weights: str
) -> tuple[str, str, str]:
    """Input, training data and origin of weights that the systems of a track share.

    Args:
        budget: Budget of the training.
        given: Input of the system; ``unknown`` for pictures that were restored elsewhere, which
            stand beside systems that are given one picture.
        train_dataset: What it was trained on.
        weights: Origin of its weights.
    """
    if budget != NOT_TRAINED:
        return given, train_dataset, weights
    return ("single" if given == "unknown" else given), "", ""


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
