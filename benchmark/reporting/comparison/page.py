"""Page that compares two studies: changes and their significance."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from defocus.benchmark.leaderboard.classes import budget_notice, budget_words
from defocus.benchmark.leaderboard.columns import COST_COLUMNS
from defocus.benchmark.metric.metric import all_metrics
from defocus.benchmark.reporting.comparison.differences import (
    Change,
    Changes,
    ComparedLine,
    Verdict,
)
from defocus.benchmark.reporting.content import TrackKey, training_words
from defocus.progress import counted
from defocus.reports.model import Cell, Column, Folded, Measured, Page, Paragraph, Part, Table
from defocus.reports.text import anchor, number_text, signed_text, visible

__all__ = ["against_page"]

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
        ("Summary", tuple(Paragraph(text) for text in _sentences(changes, now, before))),
        ("Scores", tuple(_score_tables(changes.changes))),
        ("Costs", tuple(_cost_table(changes))),
        ("Only in one", tuple(_missing_table(changes, now, before))),
        ("Settings that differ", tuple(_settings(changes))),
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
    found = Counter(change.verdict for change in psnr)
    judged = ", ".join(f"{found[name]} {words}" for name, words in VERDICTS.items() if found[name])
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
        "System", "Track", Column("Metric", choose="value"), Column("Before", decimals=4),
        Column("Now", decimals=4), Column("Difference", decimals=4), Column("p", decimals=3),
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
        difference = Measured(change.difference, change.interval)
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
            anchor("change", *map(str, (c.line, c.profile, protocol)), c.metric) for c in changes
        ),
        facets=(("Dataset", visible(dataset)), ("Budget", budget), ("Protocol", protocol)),
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
    columns = ("System", "Dataset", "Cost", "Before", "Now", Column("Ratio", decimals=3))
    return [Table.of("Costs that differ", columns, rows)] if rows else []


def _missing_table(changes: Changes, now: str, before: str) -> list[Table]:
    named = [(line, f"only in {before}") for line in changes.only_before]
    named += [(line, f"only in {now}") for line in changes.only_now]
    named += [(line, "other content of the dataset") for line in changes.incomparable]
    columns = ("System", "Dataset", "Budget", "Weights", "Why not compared")
    rows = tuple((line.system, line.dataset, line.budget, line.weights, why) for line, why in named)
    return [Table.of("Not compared", columns, rows)] if rows else []


def _settings(changes: Changes) -> list[Folded]:
    columns = ("Setting", "Before", "Now")
    return [
        Folded(
            line.system,
            anchor("settings", *_names(line)),
            (Table.of(f"{line.system} on {line.dataset}", columns, differing),),
            f"{line.dataset}, {budget_words([line.budget])}; {counted(len(differing), 'setting')}",
        )
        for line, differing in changes.settings
    ]


def _names(line: ComparedLine) -> tuple[str, ...]:
    return (line.dataset, line.split, line.budget, line.weights, line.train_dataset, line.system)
