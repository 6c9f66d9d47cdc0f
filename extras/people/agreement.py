"""How far each metric and protocol orders systems as people do."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.leaderboard.rows import current_entries
from defocus.benchmark.metrics.metric import Metric, all_metrics
from defocus.benchmark.results.store import Results
from defocus.benchmark.statistics.resampling import (
    MINIMUM_SCENES,
    RESAMPLES,
    expanded_tails,
    rank_correlations,
    resampled_means,
    scene_codes,
)
from defocus.benchmark.statistics.scored_group import (
    SystemScores,
    common_pictures,
    on_pictures,
    scored_group,
    system_scores,
)
from defocus.extras.people.strengths import NORMAL_95, Strength

FEWEST_SYSTEMS = 3

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MetricAgreement:
    """Agreement of a metric under a protocol, on one dataset, with people."""

    # dataset, profile, protocol, metric: which score
    dataset: str
    profile: str
    protocol: str
    metric: str
    # Kendall's rank correlation of its means with people's strengths, -1 to 1; the sign is turned
    # where lower is better
    correlation: float
    # low, high: its interval, 95 %; None if there are too few scenes
    low: float | None
    high: float | None
    systems: int  # number of systems that have both


def metric_agreement(
    results: Results,
    strengths: Sequence[Strength],
) -> list[MetricAgreement]:
    """Rank correlation of every metric with people on every dataset, the highest first.

    A system of several scores there is left out: answers do not say which of them people saw."""
    people = {one.system: one for one in strengths}
    metrics = all_metrics()
    scores = _scores_of_systems(results, people, metrics)
    agreements = []
    for where, several in scores.items():
        members = {name: ones[0] for name, ones in several.items() if len(ones) == 1}
        sign = 1 if metrics[where[-1]].better == "higher" else -1
        agreed = _agreement(members, [people[name] for name in members], sign)
        if agreed is not None:
            agreements.append(MetricAgreement(*where, *agreed, len(members)))
    return sorted(
        agreements,
        key=lambda one: (-one.correlation, one.protocol, one.metric, one.dataset),
    )


def _scores_of_systems(
    results: Results,
    people: Mapping[str, Strength],
    metrics: Mapping[str, Metric],
) -> dict[tuple[str, str, str, str], dict[str, list[SystemScores]]]:
    """Scores of every judged system by dataset, profile, protocol and metric."""
    scores: dict[tuple[str, str, str, str], dict[str, list[SystemScores]]] = (
        defaultdict(lambda: defaultdict(list))
    )
    for entries in current_entries(results):
        if entries[0].system not in people:
            continue
        group = scored_group(results, entries)
        for line, place in enumerate(group.places):
            if place.metric in metrics and group.counted[line].any():
                where = entries[0].dataset, place.profile, place.protocol, place.metric
                scores[where][entries[0].system].append(system_scores(group, line))
    return scores


def _agreement(
    members: Mapping[str, SystemScores],
    people: Sequence[Strength],
    sign: int,
) -> tuple[float, float | None, float | None] | None:
    """The correlation and its interval; None where nothing can be ordered.

    A resample draws scenes, pictures and seeds for the metric, and each strength from its interval.
    """
    pictures = common_pictures(list(members.values()))
    if len(members) < FEWEST_SYSTEMS or not pictures:
        return None
    scored = [sign * on_pictures(member, pictures) for member in members.values()]
    values = np.array([one.value for one in people])
    means = np.array([one.mean() for one in scored])
    correlation = float(rank_correlations(means[:, None], values[:, None])[0])
    if np.isnan(correlation):
        return None
    return _with_interval(people, pictures, correlation, scored, values)


def _with_interval(
    people: Sequence[Strength],
    pictures: Sequence[tuple[str, str]],
    correlation: float,
    scored: list[Array],
    values: Array,
) -> tuple[float, float | None, float | None]:
    """The correlation, and its interval if there are enough scenes."""
    codes = scene_codes([scene for _, scene in pictures])
    scenes = len(set(codes))
    if scenes < MINIMUM_SCENES:
        return correlation, None, None
    low, high = _quantiles(people, scored, values, codes, scenes)
    return correlation, float(low), float(high)


def _quantiles(
    people: Sequence[Strength],
    scored: list[Array],
    values: Array,
    codes: tuple[int, ...],
    scenes: int,
) -> tuple[float, float]:
    """Ends of the interval of the correlation over resamples."""
    spread = np.array([(one.high - one.low) / (2 * NORMAL_95) for one in people])
    noise = np.random.default_rng(3).standard_normal((len(people), RESAMPLES))
    drawn = rank_correlations(
        np.stack([resampled_means(one[None], codes)[0] for one in scored]),
        values[:, None] + spread[:, None] * noise,
    )
    low, high = np.nanquantile(drawn, expanded_tails(scenes))
    return low, high
