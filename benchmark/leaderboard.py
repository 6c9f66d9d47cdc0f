"""The leaderboard: a pure function of the stored results; and its CSV."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from defocus.benchmark.results import COSTS, Entry, Results, Score
from defocus.benchmark.statistics import MINIMUM_SCENES, scene_interval

__all__ = [
    "PROTOCOL_ORDER",
    "Row",
    "current_entries",
    "leaderboard",
    "to_csv",
]

PROTOCOL_ORDER = ("gt", "input-aligned", "deformed-gt", "truth")
"""Protocols in the order of tables; the protocols' own module needs seconds to import."""


@dataclass(frozen=True)
class Row:
    """One line of ``leaderboard.csv``; the columns in their order.

    Attributes:
        system, input, weights, train_dataset, dataset, split, budget: Of the runs behind it.
        profile, protocol, flow, metric: What was computed; ``protocol`` empty for costs.
        value: Mean over images (each first over seeds), None where there is none.
        ci_low, ci_high: Confidence interval over scenes, None where there are too few.
        images, scenes, seeds: How many are behind the value.
        status: ``ok``, ``seen: reason``, ``not-applicable: reason`` or ``failed: reason``.
    """

    system: str
    input: str
    weights: str
    train_dataset: str
    dataset: str
    split: str
    budget: str
    profile: str
    protocol: str
    flow: str
    metric: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    images: int
    scenes: int
    seeds: int
    status: str


def current_entries(results: Results) -> list[list[Entry]]:
    """The runs that count: of each system, dataset and budget the group recorded last.

    An older group of the same system, from other code, settings or data, stays in the store and
    shows nowhere.

    Returns:
        Groups of runs that differ in their seed alone, by dataset, budget and system.
    """
    newest: dict[tuple[str, ...], str] = {}
    entries = results.entries()
    for entry in entries:
        newest[_line(entry)] = entry.grouping
    groups: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        key = _line(entry)
        if newest[key] == entry.grouping:
            groups[key].append(entry)
    return [sorted(groups[key], key=lambda entry: entry.seed) for key in sorted(groups)]


def _line(entry: Entry) -> tuple[str, ...]:
    """What has a line of its own: official weights stand beside a training of one's own."""
    return entry.dataset, entry.budget, entry.system, entry.weights, entry.train_dataset


def leaderboard(results: Results) -> list[Row]:
    """All rows, sorted by their columns from the left."""
    rows = [row for group in current_entries(results) for row in _group_rows(results, group)]
    return sorted(rows, key=lambda row: [str(cell) for cell in astuple(row)[:11]])


def _group_rows(results: Results, group: list[Entry]) -> list[Row]:
    counted = [entry for entry in group if entry.scored] or group[:1]
    cells: dict[tuple[str, str, str], list[Score]] = defaultdict(list)
    for entry in counted:
        for score in results.scores(entry.run):
            cells[score.profile, score.protocol, score.metric].append(score)
    rows = [_score_row(counted, where, scores) for where, scores in cells.items()]
    profile = next((where[0] for where in cells), "")
    return rows + [_cost_row(results, counted, profile, name, rows) for name in COSTS]


def _score_row(entries: list[Entry], where: tuple[str, str, str], scores: list[Score]) -> Row:
    by_pair: dict[tuple[str, str], list[float]] = defaultdict(list)
    for score in scores:
        if score.value is not None:
            by_pair[score.scene, score.pair].append(score.value)
    by_scene: dict[str, list[float]] = defaultdict(list)
    for (scene, _), values in sorted(by_pair.items()):
        by_scene[scene].append(math.fsum(values) / len(values))
    images = [value for values in by_scene.values() for value in values]
    reason = next((score.reason for score in scores if score.reason), "")
    low, high = _interval(by_scene)
    return _row(
        entries,
        where,
        flow=next((score.flow for score in scores if score.flow), ""),
        value=math.fsum(images) / len(images) if images else None,
        interval=(low, high),
        counts=(len(images), len(by_scene)),
        missing=reason,
    )


def _interval(by_scene: Mapping[str, Sequence[float]]) -> tuple[float | None, float | None]:
    if len(by_scene) < MINIMUM_SCENES:
        return None, None
    return scene_interval(by_scene) or (None, None)


def _cost_row(
    results: Results, entries: list[Entry], profile: str, name: str, rows: list[Row]
) -> Row:
    costs = [c for entry in entries for c in results.costs(entry.run) if c.metric == name]
    values = [cost.value for cost in costs if cost.value is not None]
    return _row(
        entries,
        (profile, "", name),
        flow="",
        value=math.fsum(values) / len(values) if values else None,
        interval=(None, None),
        counts=(
            max((row.images for row in rows), default=0),
            max((row.scenes for row in rows), default=0),
        ),
        missing=next((cost.reason for cost in costs if cost.reason), "not measured"),
    )


def _row(
    entries: list[Entry],
    where: tuple[str, str, str],
    *,
    flow: str,
    value: float | None,
    interval: tuple[float | None, float | None],
    counts: tuple[int, int],
    missing: str,
) -> Row:
    first = entries[0]
    status = first.status
    if first.scored and value is None:
        status = f"not-applicable: {missing}"
    profile, protocol, metric = where
    return Row(
        system=first.system,
        input=first.input,
        weights=first.weights,
        train_dataset=first.train_dataset,
        dataset=first.dataset,
        split=first.split,
        budget=first.budget,
        profile=profile,
        protocol=protocol,
        flow=flow,
        metric=metric,
        value=value,
        ci_low=interval[0],
        ci_high=interval[1],
        images=counts[0],
        scenes=counts[1],
        seeds=len(entries),
        status=status,
    )


def to_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV with LF line ends.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; control characters
    become spaces.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    for row in rows:
        writer.writerow(_csv_cell(cell) for cell in astuple(row))
    return text.getvalue()


def _csv_cell(cell: str | float | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.8g}"
    text = "".join(c if c.isprintable() else " " for c in str(cell))
    return f"'{text}" if isinstance(cell, str) and text.startswith(("=", "+", "-", "@")) else text
