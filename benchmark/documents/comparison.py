"""Differences of paired scores between two studies, with confidence intervals, and their page."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from defocus.benchmark.documents.provenance import flattened
from defocus.benchmark.leaderboard.classes import budget_notice, budget_words
from defocus.benchmark.leaderboard.columns import COST_COLUMNS
from defocus.benchmark.leaderboard.content import TrackKey, run_document, training_words
from defocus.benchmark.leaderboard.rows import current_entries
from defocus.benchmark.metrics.metric import all_metrics
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

IGNORED_FACTS = ("run", "seed", "finished", "training_seconds", "evaluation_seconds")
"""Of a run's record: what says nothing about why a number differs."""

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

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Side:
    out: Path
    results: Results
    groups: dict[ComparedLine, list[Entry]]


def compare_studies(out: Path, other: Path) -> Changes:
    """Compare the common lines of a study with those of another, the one before."""
    with read_results(out / STORE) as now, read_results(other / STORE) as before:
        sides = _Side(other, before, _groups(before)), _Side(out, now, _groups(now))
        shared = sorted(sides[0].groups.keys() & sides[1].groups.keys())
        same = [
            line
            for line in shared
            if len({s.groups[line][0].data_hash for s in sides}) == 1
        ]
        changes = [change for line in same for change in _changes(line, *sides)]
        return Changes(
            changes=tuple(_corrected(changes)),
            costs=tuple(cost for line in same for cost in _costs(line, *sides)),
            settings=tuple(
                (line, facts) for line in same if (facts := _settings(line, *sides))
            ),
            only_before=tuple(sorted(sides[0].groups.keys() - sides[1].groups.keys())),
            only_now=tuple(sorted(sides[1].groups.keys() - sides[0].groups.keys())),
            incomparable=tuple(line for line in shared if line not in same),
        )


def _groups(results: Results) -> dict[ComparedLine, list[Entry]]:
    return {
        ComparedLine(
            e.dataset, e.split, e.budget, e.system, e.weights, e.train_dataset, e.input
        ): group
        for group in current_entries(results)
        if (e := group[0]).scored
    }


def _changes(line: ComparedLine, before: _Side, now: _Side) -> Iterator[Change]:
    groups = [scored_group(side.results, side.groups[line]) for side in (before, now)]
    places = [
        {(p.profile, p.protocol, p.metric): n for n, p in enumerate(group.places)}
        for group in groups
    ]
    for where in sorted(places[0].keys() & places[1].keys()):
        change = _change(line, where, groups, [each[where] for each in places])
        if change is not None and where[2] in all_metrics():
            yield change


def _change(
    line: ComparedLine,
    where: tuple[str, str, str],
    groups: Sequence[ScoredGroup],
    lines: Sequence[int],
) -> Change | None:
    from defocus.benchmark.statistics.intervals import (
        MINIMUM_SCENES,
        mean_intervals,
        paired_p_values,
        scene_codes,
        scene_sums,
    )

    members = [
        system_scores(group, number)
        for group, number in zip(groups, lines, strict=True)
    ]
    pictures = common_pictures(members)
    if not pictures:
        return None
    values = picture_means(members, pictures)
    codes = scene_codes([scene for _, scene in pictures])
    means = values.mean(axis=1)
    equal = bool(np.array_equal(values[0], values[1]))
    ends = None if equal else mean_intervals((values[1] - values[0])[None, None], codes)
    tested = len(set(codes)) >= MINIMUM_SCENES
    p_value = (
        float(paired_p_values(scene_sums(values, codes))[0, 1]) if tested else None
    )
    return Change(
        line,
        *where,
        before=float(means[0]),
        now=float(means[1]),
        difference=float(means[1] - means[0]),
        interval=None if ends is None else (float(ends[0, 0]), float(ends[0, 1])),
        p_value=p_value,
        images=len(pictures),
        scenes=len(set(codes)),
        verdict="equal" if equal else "same" if tested else "untested",
    )


def _corrected(changes: Sequence[Change]) -> list[Change]:
    """Apply Holm's correction within each metric and set the verdicts."""
    from defocus.benchmark.statistics.intervals import holm

    result = list(changes)
    for metric in sorted({change.metric for change in changes}):
        tested = [
            n
            for n, c in enumerate(result)
            if c.metric == metric and c.p_value is not None
        ]
        adjusted = holm([p for n in tested if (p := result[n].p_value) is not None])
        for number, p_value in zip(tested, adjusted, strict=True):
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
    sides = []
    for side in (before, now):
        entry = side.groups[line][0]
        sides.append(
            {cost.metric: cost.value for cost in side.results.costs(entry.run)}
        )
    for name in COSTS:
        values = [side.get(name) for side in sides]
        if values[0] is not None and values[1] is not None:
            yield CostChange(line, name, values[0], values[1])


def _settings(
    line: ComparedLine, before: _Side, now: _Side
) -> tuple[tuple[str, str, str], ...]:
    """The settings of a line that differ between the two studies."""
    facts = []
    for side in (before, now):
        entry = side.groups[line][0]
        record = dict(flattened(run_document(side.out, entry)))
        seeds = ", ".join(str(each.seed) for each in side.groups[line])
        facts.append(record | {"seeds": seeds, "scoring revision": entry.evaluation})
    return tuple(
        (name, facts[0].get(name, "none"), facts[1].get(name, "none"))
        for name in sorted(facts[0].keys() | facts[1].keys())
        if name not in IGNORED_FACTS and facts[0].get(name) != facts[1].get(name)
    )


VERDICTS: dict[Verdict, str] = {
    "better": "significantly better",
    "worse": "significantly worse",
    "same": "no significant difference",
    "equal": "equal",
    "untested": "too few scenes to tell",
}


def against_page(changes: Changes, now: str, before: str) -> Page:
    """Make the page that compares two studies."""
    lines = [change.line for change in changes.changes]
    sections: list[tuple[str, tuple[Part, ...]]] = [
        (
            "Summary",
            tuple(Paragraph(text) for text in _sentences(changes, now, before)),
        ),
        ("Scores", tuple(_score_tables(changes.changes))),
        ("Costs", tuple(_cost_table(changes))),
        ("Only in one", tuple(_missing_table(changes, now, before))),
        ("Settings that differ", tuple(_settings_parts(changes))),
    ]
    return Page(
        f"{now} against {before}",
        budget_notice(line.budget for line in lines),
        tuple((heading, parts) for heading, parts in sections if parts),
        _sentences(changes, now, before)[0],
    )


def _sentences(changes: Changes, now: str, before: str) -> list[str]:
    psnr = [change for change in changes.changes if change.metric == "psnr"]
    if not psnr:
        return [f"{now} and {before} have no score in common."]
    count = Counter(change.verdict for change in psnr)
    judged = ", ".join(
        f"{count[name]} {words}" for name, words in VERDICTS.items() if count[name]
    )
    said = [f"Of {counted(len(psnr), 'mean PSNR')} that both studies have: {judged}."]
    largest = max(psnr, key=lambda change: abs(change.difference))
    if largest.difference:
        change = signed_text(largest.difference, 2)
        said.append(
            f"The largest change is of {largest.line.system} on {largest.line.dataset} under "
            f"{largest.protocol}: {change} dB, {VERDICTS[largest.verdict]}."
        )
    if changes.incomparable:
        names = ", ".join(sorted({line.dataset for line in changes.incomparable}))
        said.append(f"Not compared, since the datasets have another content: {names}.")
    return said


def _score_tables(changes: Sequence[Change]) -> list[Table]:
    parts: dict[tuple[str, str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        line = change.line
        parts[line.dataset, line.budget, change.profile, change.protocol].append(change)
    order = list(all_metrics())
    return [
        _score_table(*key, sorted(part, key=lambda c: (order.index(c.metric), c.line)))
        for key, part in sorted(parts.items())
    ]


def _score_table(
    dataset: str, budget: str, profile: str, protocol: str, changes: list[Change]
) -> Table:
    columns = (
        "System", "Track", Column("Metric", choose="value"),
        Column("Before", decimals=SCORE_DECIMALS), Column("Now", decimals=SCORE_DECIMALS),
        Column("Difference", decimals=SCORE_DECIMALS), Column("p", decimals=3),
        Column("Verdict", choose="value"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for change in changes:
        line = change.line
        # The ceiling, which no system restored, is in no track.
        key = TrackKey(line.budget, line.weights, line.train_dataset, line.input)
        words = f"{key.given}, {training_words(line.weights, line.train_dataset)}"
        track = words if line.input else None
        name = all_metrics()[change.metric].display_name
        shown = shown_difference(change.now, change.before, SCORE_DECIMALS)
        difference = Measured(shown, change.interval)
        numbers = (change.before, change.now, difference, change.p_value)
        rows.append((line.system, track, name, *numbers, VERDICTS[change.verdict]))
    images, scenes = max((change.images, change.scenes) for change in changes)
    return Table.of(
        f"{dataset}, protocol {protocol}, profile {profile}, {budget_words([budget])}",
        columns,
        tuple(rows),
        f"Over the {counted(images, 'picture')} of {counted(scenes, 'scene')} that both have; "
        "p: paired permutation of scenes, Holm's correction within a metric; the variance of "
        "training is in it only where there are several seeds.",
        anchors=tuple(
            anchor("change", *map(str, (c.line, c.profile, protocol)), c.metric)
            for c in changes
        ),
        facets=(
            ("Dataset", visible(dataset)),
            ("Budget", budget),
            ("Protocol", protocol),
        ),
    )


def _cost_table(changes: Changes) -> list[Table]:
    rows = [
        (
            cost.line.system,
            cost.line.dataset,
            f"{COST_COLUMNS[cost.metric].name}, {COST_COLUMNS[cost.metric].unit}",
            number_text(cost.before, COST_COLUMNS[cost.metric].decimals),
            number_text(cost.now, COST_COLUMNS[cost.metric].decimals),
            cost.now / cost.before if cost.before else None,
        )
        for cost in changes.costs
        if cost.metric in COST_COLUMNS and cost.before != cost.now
    ]
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
    named = [(line, f"only in {before}") for line in changes.only_before]
    named += [(line, f"only in {now}") for line in changes.only_now]
    named += [(line, "other content of the dataset") for line in changes.incomparable]
    columns = ("System", "Dataset", "Budget", "Weights", "Why not compared")
    rows = tuple(
        (line.system, line.dataset, line.budget, line.weights, why)
        for line, why in named
    )
    return [Table.of("Not compared", columns, rows)] if rows else []


def _settings_parts(changes: Changes) -> list[Folded]:
    columns = ("Setting", "Before", "Now")
    return [
        Folded(
            line.system,
            anchor(
                *("settings", line.dataset, line.split, line.budget),
                *(line.weights, line.train_dataset, line.system),
            ),
            (Table.of(f"{line.system} on {line.dataset}", columns, differing),),
            f"{line.dataset}, {budget_words([line.budget])}; {counted(len(differing), 'setting')}",
        )
        for line, differing in changes.settings
    ]
