"""Published numbers shipped with the package: one row per printed cell.

``results.csv`` holds every cell of the main papers' result tables, ``extra.csv`` further ones from
authors' pages.
"""

import csv
import functools
import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from defocus.errors import InputError
from defocus.near_names import did_you_mean

__all__ = ["Published", "all_published", "published_dataset", "select_published"]

_TABLES = ("results.csv", "extra.csv")

_DATASETS = {
    "dpdd": "dpdd",
    "dpdd-dual": "dpdd",
    "realdof": "realdof",
    "lfdof": "lfdof",
    "sdd": "sdd-test",
    "rtf": "rtf",
    "pixeldp": "pixeldp",
}
"""Published names of datasets by reader."""


@dataclass(frozen=True)
class Published:
    """One printed cell; the true value is the printed ``value`` times ``scale``."""

    # ``protocol`` is ``unspecified`` if the source does not say, which in practice means ``gt``.

    system: str
    dataset: str
    protocol: str
    metric: str
    value: str
    scale: float
    source: str
    note: str

    @property
    def true_value(self) -> float:
        """The true value, with no more digits than were printed."""
        digits = len(self.value.partition(".")[2])
        return round(float(self.value) * self.scale, digits + 3)

    def to_json(self) -> dict[str, Any]:
        """The columns as JSON; ``value`` is text, so that no printed digit is lost."""
        return asdict(self)


@functools.cache
def all_published() -> tuple[Published, ...]:
    """Every row, in the order of the tables."""
    rows: list[Published] = []
    for name in _TABLES:
        text = (files(__package__) / name).read_text(encoding="utf-8")
        rows += [_row(cells) for cells in csv.DictReader(io.StringIO(text))]
    return tuple(rows)


def _row(cells: Mapping[str, str]) -> Published:
    words = {name: cells[name] for name in ("system", "dataset", "protocol", "metric", "value")}
    scale = float(cells["scale"])
    return Published(**words, scale=scale, source=cells["source"], note=cells["note"])


def select_published(
    system: str | None = None, dataset: str | None = None, metric: str | None = None
) -> list[Published]:
    """The rows of a system, dataset and metric, by published ids or our names; None selects all."""
    rows = all_published()
    ids = None if system is None else _published_ids(system, {row.system for row in rows})
    sets = None if dataset is None else {dataset, _DATASETS.get(dataset, dataset)}
    _require("dataset", dataset, sets, {row.dataset for row in rows})
    _require("metric", metric, {metric}, {row.metric for row in rows})
    return [
        row
        for row in rows
        if (ids is None or row.system in ids)
        and (sets is None or row.dataset in sets)
        and (metric is None or row.metric == metric)
    ]


def published_dataset(name: str) -> str | None:
    """The published id of one of our datasets by its name (``dpdd:folder``); None without."""
    return _DATASETS.get(name.partition(":")[0])


def _published_ids(system: str, known: Iterable[str]) -> set[str]:
    if system in known:
        return {system}
    from defocus.baselines.registry import all_baselines

    ours = all_baselines()
    if system in ours:
        found = ours[system].card.published_as
        return {found} if found else set()
    hint = did_you_mean(system, sorted({*known, *ours}))
    raise InputError(
        f"no table has a system '{system}'; {hint}{' ' if hint else ''}"
        "'defocus-bench published' alone lists all"
    )


def _require(
    what: str, given: str | None, names: Iterable[str | None] | None, known: Collection[str]
) -> None:
    if given is not None and names is not None and not set(names) & set(known):
        raise InputError(f"no table has the {what} '{given}'; there are {', '.join(sorted(known))}")
