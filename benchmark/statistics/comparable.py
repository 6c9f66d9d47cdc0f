"""Tracks of the leaderboard: which systems may be ranked together, and their differences.

They share a :class:`Contest`, and input, training data and origin of weights if trained here."""

from dataclasses import asdict, dataclass

from defocus.benchmark.results.store import NOT_TRAINED
from defocus.reading import Json

CEILING = "ceiling"
"""Id of the reference row that stands for a perfect restoration; it competes with nothing."""

PERFECT = "Perfect restoration"
"""Name of the row CEILING for people. It is no upper bound: systems that follow their reference can
exceed it."""

SIGNIFICANCE = 0.05
"""Significance level of a difference, after the correction for all differences of its track."""

TRUTH = "truth"
"""The protocol of rendered pictures: a perfect restoration is the reference itself."""

RANKED_BUDGETS = ("paper", NOT_TRAINED)
NEVER_RANKED = ("deformed-gt",)


@dataclass(frozen=True)
class Standing:
    """Standing of one system in its track, over the pictures that all its systems have."""

    # The range of ranks holds in 95 % of the resamples of scenes, pictures and seeds;
    # ``first_share`` is the share of the resamples in which the system is first.

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
    """Difference of two systems of a track, the better mean first, with its permutation test."""

    # ``p_adjusted`` has Holm's correction for all pairs of the track; ``resolution`` is the change
    # where the references are moved by their standard errors; ``detectable`` is the difference that
    # these scenes show in 80 % of cases.

    first: str
    second: str
    difference: float
    p_value: float
    p_adjusted: float
    significant: bool
    resolution: float | None = None
    detectable: float | None = None

    @property
    def below_resolution(self) -> bool:
        """Whether the difference is smaller than the references' uncertain position explains."""
        return self.resolution is not None and abs(self.difference) < self.resolution


@dataclass(frozen=True, order=True)
class Contest:
    """Properties that scores must share to be comparable."""

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
    """Comparable systems with their standings, best first, and differences."""

    # A system that lacks pictures of others is in no track. ``alike`` has groups without a
    # significant difference; ``minimum_detectable`` is what these scenes show in 80 % of cases.

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

    @property
    def is_ranked(self) -> bool:
        """Whether any of its systems has a rank."""
        return any(standing.rank for standing in self.standings)

    def standing(
        self,
        system: str,
        weights: str,
        train_dataset: str,
    ) -> Standing | None:
        """The standing of a line; None if it has none."""
        line = (system, weights, train_dataset)
        standings = (
            one
            for one in self.standings
            if line == (one.system, one.weights, one.train_dataset)
        )
        return next(standings, None)

    def to_json(self) -> Json:
        """The track as JSON values, for ``table leaderboard``."""
        return asdict(self)


def shared_origin(
    budget: str,
    given: str,
    train_dataset: str,
    weights: str,
) -> tuple[str, str, str]:
    """Input, training data and origin of weights that the systems of a track share."""
    # ``unknown`` input is of pictures that were restored elsewhere; they are beside single input.
    if budget != NOT_TRAINED:
        return given, train_dataset, weights
    return ("single" if given == "unknown" else given), "", ""


def may_be_ranked(
    budget: str,
    protocol: str,
    status: str,
    *,
    trained_alike: bool = False,
) -> bool:
    """Whether a result may be ranked: not ``deformed-gt``, nor where test scenes may be known."""
    # Under ``demo``, ``quick``, ``own`` and ``custom`` only if all rivals were trained alike.
    comparable = trained_alike or budget in RANKED_BUDGETS
    return comparable and protocol not in NEVER_RANKED and status == "ok"
