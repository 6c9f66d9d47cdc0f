"""Pictures without ground truth: the metrics that they can have, and under which name."""

from collections.abc import Iterable

from defocus.benchmark.metric.metric import Metric
from defocus.benchmark.metric.registry import all_metrics, profile_metrics
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.datasets.pair import Pair

__all__ = ["NO_REFERENCE", "lack_truth", "metrics_for"]

NO_REFERENCE = "no-reference"
"""In place of a protocol, where nothing is compared with: each picture is judged by itself."""


def lack_truth(pairs: Iterable[Pair]) -> bool:
    """Whether there are pairs, and not one has a sharp or a true picture."""
    known = list(pairs)
    return bool(known) and all(pair.sharp is None and pair.truth is None for pair in known)


def metrics_for(pairs: Iterable[Pair], profile: str = DEFAULT.name) -> dict[str, Metric]:
    """The metrics of a study by name: those of the profile."""
    # Without ground truth: those without reference that need neither an extra nor a download.
    if not lack_truth(pairs):
        return profile_metrics(profile)
    alone = {name: one for name, one in all_metrics().items() if one.against == "nothing"}
    return {name: metric for name, metric in alone.items() if not metric.remedy}
