"""How far each metric and protocol orders systems as people do."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from defocus.benchmark.judging.strengths import Strength
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metric.registry import all_metrics

__all__ = ["MetricAgreement", "metric_agreement"]

FEWEST_SYSTEMS = 3


@dataclass(frozen=True)
class MetricAgreement:
    """Agreement of a metric under a protocol, on one dataset, with people.

    Attributes:
        dataset, profile, protocol, metric: Which score.
        correlation: Kendall's rank correlation of its means with people's strengths, -1 to 1; the
            sign is turned where lower is better.
        systems: Number of systems that have both.
    """

    dataset: str
    profile: str
    protocol: str
    metric: str
    correlation: float
    systems: int


def metric_agreement(rows: Sequence[Row], found: Sequence[Strength]) -> list[MetricAgreement]:
    """Rank correlation of every metric with people on every dataset, the highest first.

    Datasets and profiles are never mixed. A system that has several scores there, as from two
    budgets, is left out: people's answers do not say which of them they saw.

    Args:
        rows: The leaderboard of the study.
        found: People's strengths.
    """
    from scipy.stats import kendalltau

    people = {one.system: one.value for one in found}
    values: dict[tuple[str, str, str, str], dict[str, list[float]]] = defaultdict(dict)
    known = all_metrics()
    for row in rows:
        if row.protocol and row.metric in known and row.value is not None and row.system in people:
            score = row.dataset, row.profile, row.protocol, row.metric
            values[score].setdefault(row.system, []).append(row.value)
    agreements = []
    for score, found_values in values.items():
        means = {name: several[0] for name, several in found_values.items() if len(several) == 1}
        if len(means) < FEWEST_SYSTEMS:
            continue
        sign = 1 if known[score[-1]].better == "higher" else -1
        tau = kendalltau(
            [sign * value for value in means.values()], [people[name] for name in means]
        ).statistic
        if tau == tau:
            agreements.append(MetricAgreement(*score, float(tau), len(means)))
    return sorted(
        agreements, key=lambda one: (-one.correlation, one.protocol, one.metric, one.dataset)
    )
