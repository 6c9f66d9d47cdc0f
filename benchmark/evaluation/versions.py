"""Identity of a score: manual revisions and settings, never the source code."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER, column_of
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.results.run_folder import package_version
from defocus.benchmark.results.store import MetricVersion
from defocus.benchmark.revisions import SCORING_REVISION
from defocus.benchmark.scoring.profiles import DEFAULT, Profile

ESTIMATOR = "dis"
"""Flow estimator of the targets that are registered or warped; it has no weights."""


def evaluation_version(
    profile: Profile = DEFAULT,
    estimator: str = ESTIMATOR,
    weights_sha256: str = "",
) -> str:
    """Version of all scores of a run: scoring revision, hyphen, 8 digits of the choices' hash."""
    choices = "\n".join((repr(profile), *PROTOCOL_ORDER, estimator, weights_sha256))
    return f"{SCORING_REVISION}-{hashlib.sha256(choices.encode()).hexdigest()[:8]}"


def facts_hash(facts: object) -> str:
    """Hash, in hexadecimal, of the facts that scores rest on; an object counts by its text."""
    return hashlib.sha256(
        json.dumps(facts, sort_keys=True, default=str).encode()
    ).hexdigest()


def metric_facts(metrics: Mapping[str, Metric]) -> dict[str, list[object]]:
    """Version of each metric, and whether it can be computed now."""
    return {name: [metric.version, metric.ready()] for name, metric in metrics.items()}


def metric_versions(
    names: Iterable[str],
    metrics: Mapping[str, Metric],
) -> list[MetricVersion]:
    """The versions to store with newly computed scores, those of picture parts included."""
    scored_by = package_version()
    versions = []
    for name in sorted(set(names)):
        version = metrics[column_of(name)].version
        versions.append(MetricVersion(name, version, scored_by))
    return versions
