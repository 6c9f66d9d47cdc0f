"""The metrics by name: from :mod:`defocus.benchmark.metrics`, plug-in files and entry points.

A metric is one module with a :class:`~defocus.benchmark.metric.metric.Metric` named ``METRIC``,
there or in the folder ``metrics`` of an extra. An entry point of the group ``defocus.metrics``
names such an object, and a plug-in file can have any number of them at its top level.
"""

import functools
import importlib
import pkgutil
from collections.abc import Container, Iterator
from dataclasses import replace

from defocus.benchmark import metrics
from defocus.benchmark.metric.metric import Metric
from defocus.discovery import brought, refuse
from defocus.errors import InputError
from defocus.extensions import Plugin, offered, plugins

__all__ = ["all_metrics", "find_metric", "profile_metrics"]

_ORDER = ("psnr", "ssim", "mae", "lpips")
"""The order of the field's tables; other metrics follow by name."""


def all_metrics() -> dict[str, Metric]:
    """Every metric by name, in the order of the field's tables."""
    return _metrics_beside(plugins())


@functools.cache
def _metrics_beside(_plugins: tuple[Plugin, ...]) -> dict[str, Metric]:
    """All metrics, including those of the loaded plug-in files."""
    found: dict[str, Metric] = {}
    origins: dict[str, str] = {}
    installed = [*_own_metrics(), *_brought_metrics()]
    known = {id(metric) for _, metric in installed}
    for origin, metric in (*installed, *_plugin_metrics(known)):
        name = metric.name
        if name in found:
            both = f"{origins[name]} and by {origin}"
            refuse(origin, f"two metrics are named '{name}', by {both}; rename one")
            continue
        found[name], origins[name] = metric, origin
    rank = {name: index for index, name in enumerate(_ORDER)}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0])))


def profile_metrics(profile: str) -> dict[str, Metric]:
    """The default metrics of a profile, in the order of tables."""
    return {
        name: metric
        for name, metric in all_metrics().items()
        if not metric.on_request and (not metric.profiles or profile in metric.profiles)
    }


def find_metric(name: str) -> Metric:
    """The metric of that name; InputError if there is none."""
    if name not in all_metrics():
        raise InputError(f"no metric '{name}'; there are {', '.join(all_metrics())}")
    return all_metrics()[name]


def _own_metrics() -> Iterator[tuple[str, Metric]]:
    for module in pkgutil.iter_modules(metrics.__path__):
        path = f"{metrics.__name__}.{module.name}"
        metric = getattr(importlib.import_module(path), "METRIC", None)
        if isinstance(metric, Metric):
            yield path, metric


def _brought_metrics() -> Iterator[tuple[str, Metric]]:
    for _, origin, load in brought("metrics"):
        loaded = load()
        metric = getattr(loaded, "METRIC", loaded)
        if isinstance(metric, Metric):
            yield origin, metric
        elif metric is not None:
            refuse(origin, f"{origin} is not a Metric; mend or remove it")


def _plugin_metrics(known: Container[int]) -> Iterator[tuple[str, Metric]]:
    """The metrics of plug-in files, without installed metrics that a file only imports."""
    for plugin, metric in offered(Metric):
        if id(metric) not in known:
            yield f"plug-in {plugin.path}", replace(metric, source_hash=plugin.hash_of(metric))
