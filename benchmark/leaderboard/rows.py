"""Rows of the leaderboard, computed from the stored results, and their CSV."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import compress
from operator import attrgetter
from typing import Any

import numpy as np

from defocus.benchmark.evaluation.columns import MOVES
from defocus.benchmark.results.run_folder import trained_datasets
from defocus.benchmark.results.score_matrix import MatrixLine
from defocus.benchmark.results.store import COSTS, ELSEWHERE, Cost, Entry, Results
from defocus.benchmark.statistics.comparable import CEILING
from defocus.benchmark.statistics.scored_group import (
    Gain,
    ScoredGroup,
    gains,
    scored_group,
)
from defocus.progress import counted, several
from defocus.reports.display import csv_text


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the leaderboard; rows are ranked together only if their versions are the same."""

    # ``protocol`` is empty for costs. ``value`` is a mean over images, for each image over seeds
    # first. ``status`` is ``ok``, or ``seen``, ``not-applicable`` or ``failed`` with a reason.
    # Gains and ``gain_resolution`` (how far the gain changes where the references are moved by
    # their standard errors) are dB, of PSNR alone. ``recipe`` is a hash without the seed.

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
    data_revision: str = ""
    recipe: str = ""
    evaluation: str = ""
    flow_weights: str = ""
    interval: str = ""
    measured_on: str = ""
    reconstruction: int = 0
    metric_version: str = ""
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    gain_resolution: float | None = None
    pictures: int = 0
    left_out: str = ""
    spread: float | None = None


CSV_COLUMNS = tuple(field.name for field in fields(Row))
"""The columns of ``leaderboard.csv``: all fields of a row, so that each line of the file names its
versions."""

CSV_DIGITS = 8

REVISION_DIGITS = 12
"""Digits of a hash that are shown as a version."""


def restored_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows of systems, without that of a perfect restoration."""
    return [row for row in rows if row.system != CEILING]


def valued_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows of a protocol that have a value."""
    return [row for row in rows if row.protocol and row.value is not None]


def current_entries(results: Results) -> list[list[Entry]]:
    """The current runs of each system, dataset and budget: the group recorded last."""
    # Unless ``claim_rows`` has moved another. The runs of a group differ only by seed; for the
    # groups that are left, see ``replaced_entries``.
    groups: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry, current in _with_currency(results):
        if current:
            groups[_line(entry)].append(entry)
    ordered = []
    for line in sorted(groups):
        group = groups[line]
        group.sort(key=lambda entry: entry.seed)
        ordered.append(group)
    return ordered


def replaced_entries(results: Results) -> list[Entry]:
    """Runs that are kept but shown nowhere, because another group has taken their row."""
    return [entry for entry, current in _with_currency(results) if not current]


def claim_rows(results: Results, runs: Iterable[str]) -> None:
    """Give rows back to requested runs, the latest first, where other groups have taken them."""
    stored = {}
    for entry, current in _with_currency(results):
        stored[entry.run] = (_line(entry), current)
    latest: dict[tuple[str, ...], str] = {}
    for run in runs:
        if run in stored:
            line, _ = stored[run]
            latest.setdefault(line, run)
    for run in latest.values():
        _, is_current = stored[run]
        if not is_current:
            results.move_last(run)


def _with_currency(results: Results) -> list[tuple[Entry, bool]]:
    """All runs, each with whether its group is the last of its row."""
    entries = results.entries()
    newest = {_line(entry): entry.grouping for entry in entries}
    currency = []
    for entry in entries:
        is_current = newest[_line(entry)] == entry.grouping
        currency.append((entry, is_current))
    return currency


def _line(entry: Entry) -> tuple[str, ...]:
    """Key of a separate row: official weights and each profile of an external result have one."""
    scored = entry.run if entry.weights == ELSEWHERE else ""
    trained = "+".join(trained_datasets(entry.train_dataset))
    return entry.dataset, entry.budget, entry.system, entry.weights, trained, scored


def leaderboard(results: Results) -> list[Row]:
    """All rows, sorted by their columns from the left."""
    groups = [scored_group(results, group) for group in current_entries(results)]
    intervals = _intervals(groups)
    gained: dict[int, dict[int, Gain]] = defaultdict(dict)
    for (number, line), gain in gains(groups).items():
        gained[number][line] = gain
    rows: list[Row] = []
    for number, group in enumerate(groups):
        rows += _score_rows(results, group, intervals[number], gained[number])
        rows += _cost_rows(results, group)
    return sorted(rows, key=attrgetter(*CSV_COLUMNS[:11]))


Ends = tuple[float | None, float | None]
Counts = tuple[int, int, int]
"""Images and scenes behind a value, and all pictures of the split."""


def _intervals(groups: Sequence[ScoredGroup]) -> list[list[Ends]]:
    """Confidence intervals of every line; lines over the same pictures are resampled together."""
    from defocus.benchmark.statistics.resampling import mean_intervals, scene_codes

    ends: list[list[Ends]] = [[(None, None)] * len(group.places) for group in groups]
    for members in _over_same_pictures(groups):
        number, line = members[0]
        scored = groups[number].counted[line]
        pictures = compress(groups[number].pictures, scored)
        codes = scene_codes([scene for _, scene in pictures])
        values = np.stack([groups[n].values[at] for n, at in members])
        intervals = mean_intervals(values[:, :, scored], codes)
        if intervals is None:
            continue
        for (n, at), (low, high) in zip(members, intervals.tolist(), strict=True):
            ends[n][at] = (low, high)
    return ends


def _over_same_pictures(
    groups: Sequence[ScoredGroup],
) -> Iterable[list[tuple[int, int]]]:
    """Lines that have scores of the same pictures, by the number of the group and of the line."""
    numbers: dict[tuple[tuple[str, str], ...], int] = {}
    alike: dict[tuple[int, int, bytes], list[tuple[int, int]]] = defaultdict(list)
    for number, group in enumerate(groups):
        pictures = numbers.setdefault(group.pictures, len(numbers))
        seeds = len(group.entries)
        for line, scored in enumerate(group.counted):
            if scored.any():
                key = (pictures, seeds, scored.tobytes())
                alike[key].append((number, line))
    return alike.values()


def _score_rows(
    results: Results,
    group: ScoredGroup,
    ends: Sequence[Ends],
    gained: Mapping[int, Gain],
) -> list[Row]:
    means, spreads, scenes = _means(group), _spreads(group), _scene_counts(group)
    images = group.counted.sum(axis=1).tolist()
    rows = []
    for line, place in enumerate(group.places):
        if place.metric in MOVES:
            continue
        left_out = ""
        if images[line]:
            left_out = _left_out(results, group, line)
        row = _row(
            group.entries,
            place,
            means[line],
            ends[line],
            (images[line], scenes[line], len(group.pictures)),
            gained.get(line),
            left_out=left_out,
            metric_version=group.versions[line],
            spread=spreads[line],
        )
        rows.append(row)
    return rows


def _left_out(results: Results, group: ScoredGroup, line: int) -> str:
    """The pictures of a line without a value: a few names for each reason."""
    if group.counted[line].all():
        return ""
    first = group.entries[0]
    names: dict[str, list[str]] = defaultdict(list)
    for pair, reason in results.unscored(first.run, group.places[line]):
        names[reason].append(pair)
    notes = []
    for reason, pairs in names.items():
        notes.append(f"{several(pairs)}: {reason}")
    return "; ".join(notes)


def _means(group: ScoredGroup) -> list[float | None]:
    counted = group.counted
    values = np.where(counted, group.image_values(), 0.0)
    totals = values.sum(axis=1).tolist()
    images = counted.sum(axis=1).tolist()
    means: list[float | None] = []
    for total, number in zip(totals, images, strict=True):
        mean = total / number if number else None
        means.append(mean)
    return means


def _spreads(group: ScoredGroup) -> list[float | None]:
    """Standard deviation over seeds of the means over the pictures with a value."""
    spreads: list[float | None] = [None] * len(group.places)
    if len(group.entries) < 2:
        return spreads
    for line, scored in enumerate(group.counted):
        if scored.any():
            values = group.values[line][:, scored]
            means = values.mean(axis=1)
            spreads[line] = float(np.std(means, ddof=1))
    return spreads


def _scene_counts(group: ScoredGroup) -> list[int]:
    from defocus.benchmark.statistics.resampling import scene_codes, scene_sums

    if not group.pictures:
        return [0] * len(group.places)
    codes = scene_codes([scene for _, scene in group.pictures])
    per_scene = scene_sums(group.counted.astype(np.float64), codes)
    counts: list[int] = (per_scene > 0).sum(axis=1).tolist()
    return counts


def _cost_rows(results: Results, group: ScoredGroup) -> list[Row]:
    costs: dict[str, list[Cost]] = defaultdict(list)
    for entry in group.entries:
        for cost in results.costs(entry.run):
            costs[cost.metric].append(cost)
    if not costs:  # nothing that restores
        return []
    images_of_lines = group.counted.sum(axis=1).tolist()
    images = max(images_of_lines, default=0)
    scenes = max(_scene_counts(group), default=0)
    counts = (images, scenes, len(group.pictures))
    profile = group.places[0].profile if group.places else ""
    return [_cost_row(group, profile, name, costs[name], counts) for name in COSTS]


def _cost_row(
    group: ScoredGroup,
    profile: str,
    name: str,
    costs: Sequence[Cost],
    counts: Counts,
) -> Row:
    values = []
    machines = set()
    reason = ""
    for cost in costs:
        if cost.value is not None:
            values.append(cost.value)
        if cost.measured_on:
            machines.add(cost.measured_on)
        reason = reason or cost.reason
    value = sum(values) / len(values) if values else None
    place = MatrixLine(profile, "", name, reason=reason or "not measured")
    where = "; ".join(sorted(machines))
    return _row(group.entries, place, value, (None, None), counts, measured_on=where)


_OF_RUN = (
    *("system", "input", "weights", "train_dataset", "dataset", "split", "budget"),
    *("evaluation", "reconstruction"),
)
_OF_PLACE = ("profile", "protocol", "flow", "metric", "flow_weights")


def _row(
    entries: Sequence[Entry],
    place: MatrixLine,
    value: float | None,
    interval: Ends,
    counts: Counts,
    gain: Gain | None = None,
    **more: Any,  # noqa: ANN401 - further fields of a row
) -> Row:
    first = entries[0]
    lacking = first.scored and value is None
    return Row(
        **{name: getattr(first, name) for name in _OF_RUN},
        **{name: getattr(place, name) for name in _OF_PLACE},
        value=value,
        ci_low=interval[0],
        ci_high=interval[1],
        images=counts[0],
        scenes=counts[1],
        pictures=counts[2],
        seeds=len(entries),
        status=f"not-applicable: {place.reason}" if lacking else first.status,
        data_revision=first.data_hash[:REVISION_DIGITS],
        recipe=first.grouping[:REVISION_DIGITS],
        interval=_covered(first, len(entries), counts[1], interval)
        if place.protocol
        else "",
        gain=gain.mean if gain else None,
        gain_low=gain.low if gain else None,
        gain_high=gain.high if gain else None,
        gain_resolution=gain.resolution if gain else None,
        **more,
    )


def _covered(entry: Entry, seeds: int, scenes: int, interval: Ends) -> str:
    """Note of a row about its interval."""
    if interval[0] is None:
        return f"n/a: {counted(scenes, 'scene')}, fewer than 10" if scenes else ""
    if seeds > 1:
        return "scenes, images and seeds"
    if entry.weights == "none":
        return "scenes and images"
    return "scenes and images; one training: the variance of training is not included"


def to_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV with LF line ends."""
    # Text that a spreadsheet would run as a formula gets a leading apostrophe.
    cells = attrgetter(*CSV_COLUMNS)
    return csv_text([CSV_COLUMNS, *map(cells, rows)], CSV_DIGITS)
