"""Published numbers shipped with the package, one row per printed cell; measured ones beside."""

import csv
import functools
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files

from defocus.baselines.card import UNKNOWN
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.run_folder import trained_datasets
from defocus.benchmark.scoring.profile_by_name import find_profile
from defocus.benchmark.scoring.profiles import PROFILES, Profile
from defocus.benchmark.statistics.comparable import RANKED_BUDGETS
from defocus.errors import InputError
from defocus.near_names import meant
from defocus.reading import Json

# every cell of the main papers' result tables, and further ones from authors' pages
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

    def to_json(self) -> Json:
        """The columns as JSON; ``value`` is text, so that no printed digit is lost."""
        return asdict(self)


@functools.cache
def all_published() -> tuple[Published, ...]:
    """Every row, in the order of the tables."""
    rows: list[Published] = []
    for name in _TABLES:
        text = (files(__package__) / name).read_text(encoding="utf-8")
        lines = csv.DictReader(io.StringIO(text))
        rows += map(_row, lines)
    return tuple(rows)


def _row(cells: Mapping[str, str]) -> Published:
    words = {
        name: cells[name]
        for name in ("system", "dataset", "protocol", "metric", "value")
    }
    scale = float(cells["scale"])
    return Published(**words, scale=scale, source=cells["source"], note=cells["note"])


def select_published(
    system: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
) -> list[Published]:
    """The rows of a system, dataset and metric, by published ids or our names; None selects all."""
    rows = list(all_published())
    selected = rows
    if system is not None:
        ids = _published_ids(system, {row.system for row in rows})
        selected = [row for row in selected if row.system in ids]
    if dataset is not None:
        names = {dataset, _DATASETS.get(dataset, dataset)}
        _require("dataset", dataset, names, {row.dataset for row in rows})
        selected = [row for row in selected if row.dataset in names]
    if metric is not None:
        _require("metric", metric, {metric}, {row.metric for row in rows})
        selected = [row for row in selected if row.metric == metric]
    return selected


def note_number(text: str, notes: dict[str, int]) -> str:
    """The number of a note below a table, each once; a new one is added to ``notes``."""
    return str(notes.setdefault(text, len(notes) + 1))


def published_dataset(name: str) -> str | None:
    """The published id of one of our datasets by its name (``dpdd:folder``), or None."""
    return _DATASETS.get(name.partition(":")[0])


def _published_ids(system: str, ids: Iterable[str]) -> set[str]:
    if system in ids:
        return {system}
    from defocus.baselines.registry import all_baselines

    systems = all_baselines()
    if system in systems:
        published_as = systems[system].card.published_as
        return {published_as} if published_as else set()
    hint = meant(system, sorted({*ids, *systems}), "defocus-bench published")
    raise InputError(f"no table has a system '{system}'; {hint}")


def _require(
    what: str,
    given: str | None,
    names: Iterable[str | None] | None,
    choices: Collection[str],
) -> None:
    if given is not None and names is not None and not set(names) & set(choices):
        raise InputError(
            f"no table has the {what} '{given}'; {meant(given, sorted(choices))}"
        )


OFFICIAL_FLOW = "pwcnet-official"
"""The estimator of published numbers under ``deformed-gt``."""

_SYSTEM_PROFILES = {
    "dpdnet": "dpdd16",
    "ifan": "dpdd8",
    "restormer-single": "dpdd8",
    "restormer-dual": "dpdd16",
    "drbnet": "dpdd8-crop16",
    "kpac": "png8",
}
"""Profiles of the authors' own scripts, by the first part of the published id."""

_SHIFTS = {
    "sharp_depth": "the official script reads the upper 8 of 16 bits",
    "clamp": "clamping of the output differs",
    "rounded": "one side rounds the output to 8 bits",
    "crop_multiple": "the official script crops to a multiple of {theirs}",
    "ssim_window": "SSIM's window is {theirs} there; the window alone moves SSIM by about 0.03",
    "grid": "the official warp is shifted by up to half a pixel (about 32 dB on an equal pair)",
}


@dataclass(frozen=True)
class PrintedBeside:
    """A measured number compared with a printed one; the difference is measured minus published."""

    system: str
    dataset: str
    protocol: str
    metric: str
    ours: float
    published: float
    difference: float
    source: str
    reasons: tuple[str, ...]

    def to_json(self) -> Json:
        """For ``published --against STUDY --json``."""
        return asdict(self)


def compared(
    rows: Sequence[Row],
    published_as: str,
    trained_on: Collection[str],
) -> list[PrintedBeside]:
    """Compare the rows of one system with every published cell of its dataset and metric.

    ``trained_on`` names the datasets behind the weights of the system's authors."""
    comparisons = []
    for row in rows:
        if row.value is None:
            continue
        for cell in all_published():
            if cell.system == published_as and _same_cell(row, cell):
                comparison = _comparison(row, cell, row.value, trained_on)
                comparisons.append(comparison)
    return comparisons


def printed_beside(row: Row, published_as: str) -> list[Published]:
    """The published cells that are comparable with a row, in the order of the tables."""
    # There are none under a budget that cannot compare systems, nor under ``deformed-gt`` unless
    # the flow's weights are the official ones. The caller excludes reconstructions.
    hopeless = row.protocol == "deformed-gt" and row.flow != OFFICIAL_FLOW
    if hopeless or row.budget not in RANKED_BUDGETS:
        return []
    own = [cell for cell in all_published() if cell.system == published_as]
    return [cell for cell in own if _same_cell(row, cell)]


def _same_cell(row: Row, cell: Published) -> bool:
    if cell.metric != row.metric:
        return False
    dataset = published_dataset(row.dataset)
    if not row.protocol:  # a cost is of the system, whatever the dataset
        return cell.dataset in {"none", dataset}
    protocol = "gt" if cell.protocol == "unspecified" else cell.protocol
    return cell.dataset == dataset and protocol == row.protocol


def _comparison(
    row: Row,
    cell: Published,
    measured: float,
    trained_on: Collection[str],
) -> PrintedBeside:
    return PrintedBeside(
        row.system,
        row.dataset,
        row.protocol,
        row.metric,
        measured,
        cell.true_value,
        measured - cell.true_value,
        cell.source,
        tuple(_reasons(row, cell, trained_on)),
    )


def source_profile(cell: Published) -> Profile | None:
    """The profile behind a printed cell, None if unknown."""
    if cell.source.startswith("JDRL") and cell.dataset == "sdd-test":
        return (
            PROFILES["jdrl-sdd"]
            if cell.protocol == "deformed-gt"
            else PROFILES["dpdd8"]
        )
    for begin, name in _SYSTEM_PROFILES.items():
        if cell.system.startswith(begin):
            return PROFILES[name]
    return None


def _reasons(row: Row, cell: Published, trained_on: Collection[str]) -> list[str]:
    reasons = _weights_reasons(row, trained_on)
    if cell.protocol == "unspecified" and row.protocol:
        reasons.append("protocol: the source does not say; gt is what its scripts do")
    if row.protocol == "deformed-gt" and row.flow != OFFICIAL_FLOW:
        reasons.append(
            f"flow: not comparable; ours is {row.flow}, theirs PWC-Net's official weights"
        )
    if row.protocol:
        reasons += profile_reasons(row.profile, cell)
    if cell.metric == "seconds":
        reasons.append("seconds are of another machine")
    if cell.note:
        reasons.append(f"note of the source's row: {cell.note}")
    return reasons


def _weights_reasons(row: Row, trained_on: Collection[str]) -> list[str]:
    """Whether a row has other weights than the authors', or such as others pass on."""
    if row.weights != "official":
        return [
            f"weights: ours are {row.weights} ({row.budget} budget), not the official"
        ]
    trained = [name.partition(":")[0] for name in trained_datasets(row.train_dataset)]
    if {*trained} <= {*trained_on, UNKNOWN}:
        return []
    stated = ", ".join(trained_on) or UNKNOWN
    return [
        f"weights: trained on {', '.join(trained)}; those of the authors on {stated}"
    ]


def profile_reasons(profile: str, cell: Published) -> list[str]:
    """Reasons why a value under one of our profiles differs from a printed one."""
    theirs = source_profile(cell)
    if theirs is None:
        return ["profile: which one the source used is not known"]
    own = find_profile(profile)
    differing = []
    for field in fields(Profile):
        own_value = getattr(own, field.name)
        their_value = getattr(theirs, field.name)
        if field.name not in _SHIFTS or own_value == their_value:
            continue
        if field.name != "ssim_window" or cell.metric == "ssim":
            differing.append(_SHIFTS[field.name].format(theirs=their_value))
    return [f"profile {own.name} against {theirs.name}: {text}" for text in differing]
