"""Differences of paired scores between two studies, with confidence intervals, and their page."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.documents.provenance import flattened
from defocus.benchmark.leaderboard.classes import budget_notice, budget_words
from defocus.benchmark.leaderboard.columns import COST_COLUMNS
from defocus.benchmark.leaderboard.content import TrackKey, run_document, training_words
from defocus.benchmark.leaderboard.rows import current_entries
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.results.score_matrix import Where
from defocus.benchmark.results.store import COSTS, STORE, Entry, Results, read_results
from defocus.benchmark.statistics.comparable import SIGNIFICANCE
from defocus.benchmark.statistics.scored_group import (
    ScoredGroup,
    common_pictures,
    picture_means,
    scored_group,
    system_scores,
)
from defocus.progress import counted
from defocus.reading import Json
from defocus.reports.display import (
    anchor,
    number_text,
    shown_difference,
    signed_text,
    visible,
)
from defocus.reports.model import (
    Cell,
    Column,
    Folded,
    Measured,
    Page,
    Paragraph,
    Part,
    Table,
)

Verdict: TypeAlias = Literal["better", "worse", "same", "equal", "untested"]

IGNORED_FACTS = {"run", "seed", "finished", "training_seconds", "evaluation_seconds"}
"""Fields of a run's record that do not explain why a number differs."""

SCORE_DECIMALS = 4
"""Decimals of the scores of two studies, whatever the metric."""


@dataclass(frozen=True, order=True)
class ComparedLine:
    """Identity of a leaderboard row, the same in every study."""

    dataset: str
    split: str
    budget: str
    system: str
    weights: str
    train_dataset: str
    input: str


@dataclass(frozen=True)
class Change:
    """A mean score before and now, over the pictures of both studies."""

    # ``p_value`` is of the paired permutation test by scene, after Holm's correction for all
    # changes of the metric; the verdict is ``untested`` with too few scenes, ``equal`` if no score
    # differs.

    line: ComparedLine
    profile: str
    protocol: str
    metric: str
    before: float
    now: float
    difference: float
    interval: tuple[float, float] | None
    p_value: float | None
    images: int
    scenes: int
    verdict: Verdict


@dataclass(frozen=True)
class CostChange:
    """A cost before and now."""

    line: ComparedLine
    metric: str
    before: float
    now: float


@dataclass(frozen=True)
class Changes:
    """Changes between two studies; ``settings`` has name, before and now by line."""

    changes: tuple[Change, ...]
    costs: tuple[CostChange, ...]
    settings: tuple[tuple[ComparedLine, tuple[tuple[str, str, str], ...]], ...]
    only_before: tuple[ComparedLine, ...]
    only_now: tuple[ComparedLine, ...]
    incomparable: tuple[ComparedLine, ...]

    def to_json(self) -> Json:
        """The fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Side:
    """One of the two studies: its folder, and the runs of each line that has scores."""

    out: Path
    results: Results
    groups: dict[ComparedLine, list[Entry]]

    @classmethod
    def of(cls, out: Path, results: Results) -> Self:
        """The side of an open store."""
        groups = {}
        for group in current_entries(results):
            if group[0].scored:
                facts = (
                    getattr(group[0], field.name) for field in fields(ComparedLine)
                )
                groups[ComparedLine(*facts)] = group
        return cls(out, results, groups)


def compare_studies(out: Path, other: Path) -> Changes:
    """Compare the common lines of a study with those of another, earlier study."""
    with read_results(out / STORE) as now, read_results(other / STORE) as before:
        return _compared(_Side.of(other, before), _Side.of(out, now))


def _compared(before: _Side, now: _Side) -> Changes:
    earlier = set(before.groups)
    later = set(now.groups)
    changes: list[Change] = []
    costs: list[CostChange] = []
    settings = []
    incomparable = []
    for line in sorted(earlier & later):
        if before.groups[line][0].data_hash != now.groups[line][0].data_hash:
            incomparable.append(line)
            continue
        changes += _changes(line, before, now)
        costs += _costs(line, before, now)
        if facts := _settings(line, before, now):
            settings.append((line, facts))
    return Changes(
        changes=tuple(_corrected(changes)),
        costs=tuple(costs),
        settings=tuple(settings),
        only_before=tuple(sorted(earlier - later)),
        only_now=tuple(sorted(later - earlier)),
        incomparable=tuple(incomparable),
    )


def _changes(line: ComparedLine, before: _Side, now: _Side) -> Iterator[Change]:
    group_before = scored_group(before.results, before.groups[line])
    group_now = scored_group(now.results, now.groups[line])
    groups = [group_before, group_now]
    numbers_before = _place_numbers(group_before)
    numbers_now = _place_numbers(group_now)
    for where in sorted(numbers_before.keys() & numbers_now.keys()):
        numbers = [numbers_before[where], numbers_now[where]]
        change = _change(line, where, groups, numbers)
        if change is not None and where[2] in all_metrics():
            yield change


def _change(
    line: ComparedLine,
    where: Where,
    groups: Sequence[ScoredGroup],
    lines: Sequence[int],
) -> Change | None:
    from defocus.benchmark.statistics.resampling import interval_of_mean, scene_codes

    members = list(map(system_scores, groups, lines))
    pictures = common_pictures(members)
    if not pictures:
        return None
    values = picture_means(members, pictures)
    codes = scene_codes([scene for _, scene in pictures])
    before, now = values.mean(axis=1)
    interval, p_value = None, _p_value(values, codes)
    verdict: Verdict = "untested" if p_value is None else "same"
    if np.array_equal(values[0], values[1]):
        verdict = "equal"
    else:
        interval = interval_of_mean(values[1] - values[0], codes)
    return Change(
        line,
        *where,
        before=float(before),
        now=float(now),
        difference=float(now - before),
        interval=interval,
        p_value=p_value,
        images=len(pictures),
        scenes=len(set(codes)),
        verdict=verdict,
    )


def _p_value(values: NDArray[np.float64], codes: tuple[int, ...]) -> float | None:
    """P-value of the paired test of ``(2, pictures)``; None with too few scenes."""
    from defocus.benchmark.statistics.resampling import (
        MINIMUM_SCENES,
        paired_p_values,
        scene_sums,
    )

    if len(set(codes)) < MINIMUM_SCENES:
        return None
    return float(paired_p_values(scene_sums(values, codes))[0, 1])


def _corrected(changes: Sequence[Change]) -> list[Change]:
    """Apply Holm's correction within each metric and set the verdicts."""
    from defocus.benchmark.statistics.resampling import holm

    result = list(changes)
    tested: dict[str, dict[int, float]] = defaultdict(dict)
    for number, change in enumerate(changes):
        if change.p_value is not None:
            tested[change.metric][number] = change.p_value
    for p_values in tested.values():
        adjusted = holm(list(p_values.values()))
        for number, p_value in zip(p_values, adjusted, strict=True):
            result[number] = _judged(replace(result[number], p_value=p_value))
    return result


def _judged(change: Change) -> Change:
    if (
        change.verdict == "equal"
        or change.p_value is None
        or change.p_value > SIGNIFICANCE
    ):
        return change
    higher = all_metrics()[change.metric].better == "higher"
    return replace(
        change, verdict="better" if (change.difference > 0) == higher else "worse"
    )


def _costs(line: ComparedLine, before: _Side, now: _Side) -> Iterator[CostChange]:
    costs_before = _values_of_costs(line, before)
    costs_now = _values_of_costs(line, now)
    for name in COSTS:
        earlier = costs_before.get(name)
        later = costs_now.get(name)
        if earlier is not None and later is not None:
            yield CostChange(line, name, earlier, later)


def _values_of_costs(line: ComparedLine, side: _Side) -> dict[str, float | None]:
    first = side.groups[line][0]
    return {cost.metric: cost.value for cost in side.results.costs(first.run)}


def _place_numbers(group: ScoredGroup) -> dict[Where, int]:
    """The number of each place of scores in a group."""
    return {place.where: number for number, place in enumerate(group.places)}


def _settings(
    line: ComparedLine,
    before: _Side,
    now: _Side,
) -> tuple[tuple[str, str, str], ...]:
    """The settings of a line that differ between the two studies."""
    earlier = _facts_of(line, before)
    later = _facts_of(line, now)
    differing = []
    for name in sorted((earlier.keys() | later.keys()) - IGNORED_FACTS):
        value_before = earlier.get(name, "none")
        value_now = later.get(name, "none")
        if earlier.get(name) != later.get(name):
            differing.append((name, value_before, value_now))
    return tuple(differing)


def _facts_of(line: ComparedLine, side: _Side) -> dict[str, str]:
    """The settings of a line in one study, with its seeds and revision."""
    group = side.groups[line]
    first = group[0]
    facts = dict(flattened(run_document(side.out, first)))
    facts["seeds"] = ", ".join(str(entry.seed) for entry in group)
    facts["scoring revision"] = first.evaluation
    return facts


VERDICTS: dict[Verdict, str] = {
    "better": "significantly better",
    "worse": "significantly worse",
    "same": "no significant difference",
    "equal": "equal",
    "untested": "too few scenes to tell",
}


def against_page(changes: Changes, now: str, before: str) -> Page:
    """Make the page that compares two studies."""
    sentences = _sentences(changes, now, before)
    sections: tuple[tuple[str, Sequence[Part]], ...] = (
        ("Summary", list(map(Paragraph, sentences))),
        ("Scores", _score_tables(changes.changes)),
        ("Costs", _cost_table(changes)),
        ("Only in one", _missing_table(changes, now, before)),
        ("Settings that differ", _settings_parts(changes)),
    )
    shown = []
    for heading, parts in sections:
        if parts:
            shown.append((heading, tuple(parts)))
    return Page(
        f"{now} against {before}",
        budget_notice(change.line.budget for change in changes.changes),
        tuple(shown),
        sentences[0],
    )


def _sentences(changes: Changes, now: str, before: str) -> list[str]:
    psnr = [change for change in changes.changes if change.metric == "psnr"]
    if not psnr:
        return [f"{now} and {before} have no score in common."]
    said = [_verdicts(psnr)]
    largest = max(psnr, key=lambda change: abs(change.difference))
    if largest.difference:
        said.append(
            f"The largest change is of {largest.line.system} on {largest.line.dataset} under "
            f"{largest.protocol}: {signed_text(largest.difference, 2)} dB, "
            f"{VERDICTS[largest.verdict]}."
        )
    if changes.incomparable:
        names = ", ".join(sorted({line.dataset for line in changes.incomparable}))
        said.append(f"Not compared, since the datasets have another content: {names}.")
    return said


def _verdicts(changes: Sequence[Change]) -> str:
    """How many changes have each verdict."""
    count = Counter(change.verdict for change in changes)
    judged = []
    for verdict, words in VERDICTS.items():
        if count[verdict]:
            judged.append(f"{count[verdict]} {words}")
    scores = counted(len(changes), "mean PSNR")
    return f"Of {scores} that both studies have: {', '.join(judged)}."


def _score_tables(changes: Sequence[Change]) -> list[Table]:
    parts: dict[tuple[str, str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        line = change.line
        part = (line.dataset, line.budget, change.profile, change.protocol)
        parts[part].append(change)
    metrics = list(all_metrics())

    def order(change: Change) -> tuple[int, ComparedLine]:
        return metrics.index(change.metric), change.line

    tables = []
    for key, members in sorted(parts.items()):
        ordered = sorted(members, key=order)
        tables.append(_score_table(*key, ordered))
    return tables


def _score_table(
    dataset: str,
    budget: str,
    profile: str,
    protocol: str,
    changes: list[Change],
) -> Table:
    columns = (
        "System",
        "Track",
        Column("Metric", choose="value"),
        Column("Before", decimals=SCORE_DECIMALS),
        Column("Now", decimals=SCORE_DECIMALS),
        Column("Difference", decimals=SCORE_DECIMALS),
        Column("p", decimals=3),
        Column("Verdict", choose="value"),
    )
    images, scenes = max((change.images, change.scenes) for change in changes)
    anchors = [
        anchor("change", str(c.line), profile, protocol, c.metric) for c in changes
    ]
    return Table.of(
        f"{dataset}, protocol {protocol}, profile {profile}, {budget_words([budget])}",
        columns,
        map(_change_row, changes),
        f"Over the {counted(images, 'picture')} of {counted(scenes, 'scene')} that both have; "
        "p: paired permutation of scenes, Holm's correction within a metric; the variance of "
        "training is in it only where there are several seeds.",
        anchors=tuple(anchors),
        facets=(
            ("Dataset", visible(dataset)),
            ("Budget", budget),
            ("Protocol", protocol),
        ),
    )


def _change_row(change: Change) -> tuple[Cell, ...]:
    line = change.line
    track = None
    if line.input:  # the ceiling, which no system restored, is in no track
        key = TrackKey(line.budget, line.weights, line.train_dataset, line.input)
        training = training_words(line.weights, line.train_dataset)
        track = f"{key.given}, {training}"
    metric = all_metrics()[change.metric]
    shown = shown_difference(change.now, change.before, SCORE_DECIMALS)
    return (
        line.system,
        track,
        metric.display_name,
        change.before,
        change.now,
        Measured(shown, change.interval),
        change.p_value,
        VERDICTS[change.verdict],
    )


def _cost_table(changes: Changes) -> list[Table]:
    rows = []
    for cost in changes.costs:
        if cost.metric not in COST_COLUMNS or cost.before == cost.now:
            continue
        line, column = cost.line, COST_COLUMNS[cost.metric]
        name = f"{column.name}, {column.unit}"
        numbers = [number_text(n, column.decimals) for n in (cost.before, cost.now)]
        ratio = cost.now / cost.before if cost.before else None
        rows.append((line.system, line.dataset, name, *numbers, ratio))
    columns = (
        "System",
        "Dataset",
        "Cost",
        "Before",
        "Now",
        Column("Ratio", decimals=3),
    )
    return [Table.of("Costs that differ", columns, rows)] if rows else []


def _missing_table(changes: Changes, now: str, before: str) -> list[Table]:
    columns = ("System", "Dataset", "Budget", "Weights", "Why not compared")
    reasons = (
        (changes.only_before, f"only in {before}"),
        (changes.only_now, f"only in {now}"),
        (changes.incomparable, "other content of the dataset"),
    )
    rows = []
    for lines, why in reasons:
        for line in lines:
            row = (line.system, line.dataset, line.budget, line.weights, why)
            rows.append(row)
    return [Table.of("Not compared", columns, rows)] if rows else []


def _settings_parts(changes: Changes) -> list[Folded]:
    columns = ("Setting", "Before", "Now")
    parts = []
    for line, differing in changes.settings:
        place = (line.dataset, line.split, line.budget, line.weights)
        table = Table.of(f"{line.system} on {line.dataset}", columns, differing)
        many = counted(len(differing), "setting")
        part = Folded(
            line.system,
            anchor("settings", *place, line.train_dataset, line.system),
            (table,),
            f"{line.dataset}, {budget_words([line.budget])}; {many}",
        )
        parts.append(part)
    return parts
