"""The metrics by name: modules of this package, and entry points ``defocus.metrics``.

A metric is one module with a :class:`~defocus.benchmark.metrics.metric.Metric` named ``METRIC``;
an entry point of the group ``defocus.metrics`` leads to such an object.
"""

import functools
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterator

from defocus.benchmark import metrics
from defocus.benchmark.metrics.metric import Metric
from defocus.errors import InputError, RegistryError

__all__ = ["all_metrics", "find_metric", "profile_metrics"]

_ORDER = ("psnr", "ssim", "mae", "lpips")
"""The order of the field's tables; other metrics follow by name."""

_NO_METRICS = frozenset({"conformance", "fused", "phase_congruency", "together"})
"""Modules without one that import torch, numba or SciPy, which a finished study does without."""


@functools.cache
def all_metrics() -> dict[str, Metric]:
    """Every metric by name, in the order of the field's tables.

    Raises:
        RegistryError: Two metrics have one name.
    """
    found: dict[str, Metric] = {}
    for metric in _found():
        if metric.name in found:
            raise RegistryError(f"two metrics are named '{metric.name}'; rename one")
        found[metric.name] = metric
    rank = {name: index for index, name in enumerate(_ORDER)}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0])))


def profile_metrics(profile: str) -> dict[str, Metric]:
    """The metrics that a profile has where nobody asks for others, in the order of tables."""
    return {
        name: metric
        for name, metric in all_metrics().items()
        if not metric.on_request and (not metric.profiles or profile in metric.profiles)
    }


def find_metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        InputError: There is none.
    """
    if name not in all_metrics():
        raise InputError(f"no metric '{name}'; there are {', '.join(all_metrics())}")
    return all_metrics()[name]


def _found() -> Iterator[Metric]:
    for module in pkgutil.iter_modules(metrics.__path__):
        if module.name in _NO_METRICS:
            continue
        metric = getattr(
            importlib.import_module(f"{metrics.__name__}.{module.name}"), "METRIC", None
        )
        if isinstance(metric, Metric):
            yield metric
    for point in importlib.metadata.entry_points(group="defocus.metrics"):
        metric = point.load()
        if not isinstance(metric, Metric):
            raise RegistryError(f"entry point '{point.name}' ({point.value}) is not a Metric")
        yield metric
