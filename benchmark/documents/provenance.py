"""Provenance of rows: settings of every run, methods and references."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from defocus.baselines.card import Card
from defocus.benchmark.documents.board.table import PROTOCOL_WORDS
from defocus.benchmark.leaderboard.classes import budget_words
from defocus.benchmark.leaderboard.content import Content, display_name, run_document
from defocus.benchmark.leaderboard.rows import valued_rows
from defocus.benchmark.leaderboard.seen_notes import new_because
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.results.store import Entry, MetricVersion
from defocus.benchmark.scoring.profile_by_name import find_profile
from defocus.benchmark.scoring.profiles import PROFILES, conventions_of
from defocus.benchmark.statistics.resampling import MINIMUM_SCENES
from defocus.errors import InputError
from defocus.reading import Json
from defocus.reports.display import capital
from defocus.reports.model import Facts, Paragraph, Part

_HARDWARE = ("device", "machine", "libraries")
"""Facts of a run that say what it was computed with."""

KEPT_WITH_ROWS = ("status", "schedule.")
"""Prefixes of the facts that each row states, even where they are the same in all rows."""

Lines: TypeAlias = Collection[tuple[str, str]]
"""Names and values of facts."""


def run_facts(content: Content, group: Sequence[Entry], shared: Lines) -> list[Facts]:
    """Facts that determined the result of each run of a group, without those of all runs."""
    own = []
    for entry in group:
        facts = _run_facts(content, entry)
        lines = tuple(line for line in facts.facts if line not in shared)
        own.append(replace(facts, facts=lines))
    return own


def shared_facts(content: Content) -> Facts:
    """Facts that all runs of a study have in common; none if there is one run."""
    facts = [_run_facts(content, entry).facts for entry in content.entries]
    shared = []
    if len(facts) > 1:
        common = set.intersection(*map(set, facts))
        for name, value in facts[0]:
            if (name, value) in common and not name.startswith(KEPT_WITH_ROWS):
                shared.append((name, value))
    return Facts("Shared by all rows", tuple(shared))


def _run_facts(content: Content, entry: Entry) -> Facts:
    versions = list(content.results.versions(entry.run).values())
    document = run_document(content.out, entry)
    facts = _facts(entry, versions, document)
    reason = new_because(content.out, entry.run)
    if not reason:
        return facts
    further = ("trained anew because", reason)
    return Facts(facts.caption, (*facts.facts, further))


def _facts(
    entry: Entry,
    versions: Sequence[MetricVersion],
    document: Json,
) -> Facts:
    named = {
        "status": entry.status,
        "seed": str(entry.seed),
        "weights": entry.weights,
        "trained on": entry.train_dataset,
        "trained by": f"defocus {entry.code}" if entry.code else "",
        "evaluated on": f"{entry.dataset}, {entry.split}",
        "data hash": entry.data_hash,
        "checkpoint SHA-256": entry.checkpoint,
        "scoring revision": entry.evaluation,
        "metric revisions": _metric_revisions(versions),
        "scored by": _scored_by(versions),
    }
    lines = [(name, text) for name, text in named.items() if text]
    return Facts(entry.run, (*lines, *flattened(document)))


def _metric_revisions(versions: Sequence[MetricVersion]) -> str:
    """Metric revisions above the first, by metric."""
    raised = []
    for one in versions:
        if one.version == "1" or one.metric not in all_metrics():
            continue
        raised.append(f"{one.metric} {one.version}")
    return ", ".join(raised)


def _scored_by(versions: Sequence[MetricVersion]) -> str:
    """The version of the package that scored; if metrics came later, each version with its own."""
    known = all_metrics()
    metrics: dict[str, list[str]] = defaultdict(list)
    for one in versions:
        if one.metric in known:
            metrics[one.scored_by].append(one.metric)
    if len(metrics) == 1:
        return next(iter(metrics))
    parts = []
    for code, names in sorted(metrics.items()):
        parts.append(f"{', '.join(names)}: {code}")
    return "; ".join(parts)


def flattened(document: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested JSON objects as ``a.b`` names and text."""
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flattened(value, f"{name}.")
        elif value is not None and value != []:
            yield name, str(value)


def references(content: Content) -> Facts:
    """Paper and code of every system in the study; the page of a row has what ours follows."""
    sources = []
    for _, card in sorted(content.cards.items()):
        source = f"{capital(card.source)}."
        sources.append((card.display_name, source))
    return Facts("The systems and where they come from", tuple(sources))


def card_words(card: Card) -> str:
    """Paper, code, reading and licence of a system in sentences."""
    return (
        f"{capital(card.source)}. Ours follows {card.follows}. {capital(card.licence)}."
    )


def method_parts(content: Content, own_intervals: str) -> list[Part]:
    """Methods: profiles, protocols, statistics, budgets, seeds, hardware."""
    scored = valued_rows(content.rows)
    profiles = sorted({row.profile for row in scored})
    conventions = [(name, _profile_words(name)) for name in profiles]
    used = {row.protocol for row in scored}
    protocols = [(name, text) for name, text in PROTOCOL_WORDS.items() if name in used]
    parts: list[Part] = [
        Facts("Profiles", tuple(conventions)),
        Facts("What a restored picture is compared with", tuple(protocols)),
    ]
    intervals = "Intervals"
    if own_intervals:
        parts.append(Paragraph(own_intervals))
        intervals = "Intervals of the leaderboards"
    parts.append(
        Paragraph(
            "A metric is computed per picture and averaged: first over the seeds of a training, "
            f"then over pictures. {intervals} are 95 % and come from drawing scenes with "
            "replacement, since pictures of one scene are alike; below "
            f"{MINIMUM_SCENES} scenes none is given. "
            "Systems are ranked by PSNR within a track (input, training data, origin of weights, "
            "budget). Reconstructions from abstracts and rows under deformed-gt are never ranked; "
            "of trainings under a shortened budget, only narrow copies are, among themselves."
        )
    )
    return parts


def _profile_words(name: str) -> str:
    """Words on what a profile reproduces, and on its conventions."""
    if name in PROFILES:
        return f"{PROFILES[name].reproduces}; {conventions_of(PROFILES[name])}"
    try:
        return find_profile(name).reproduces
    except InputError:  # a printed one that was found on another machine
        return "its conventions are not known here"


def trainings(content: Content) -> Facts:
    """Budget of each training, one line for all that were trained alike."""
    alike: dict[str, list[str]] = defaultdict(list)
    for group in content.groups:
        entry = group[0]
        schedule = run_document(content.out, entry).get("schedule")
        if not isinstance(schedule, dict):
            continue
        where = f"{entry.dataset}, {entry.weights}, {budget_words([entry.budget])}"
        words = (
            f"{schedule.get('steps') or 'epochs'} steps",
            f"{schedule.get('batch')} crops of {schedule.get('crop_px')} px",
            f"rate {schedule.get('learning_rate')}",
            f"seed {', '.join(str(each.seed) for each in group)}",
        )
        training = f"{where}: {', '.join(words)}"
        alike[training].append(display_name(content, entry.system))
    lines = []
    for training, names in alike.items():
        lines.append((training, ", ".join(sorted(names))))
    return Facts("Trainings", tuple(lines))


def hardware(content: Content) -> Facts:
    """Devices, machines and versions of libraries behind the runs, each once."""
    facts: dict[str, set[str]] = defaultdict(set)
    for entry in content.entries:
        document = run_document(content.out, entry)
        chosen = {name: document.get(name) for name in _HARDWARE}
        for name, text in flattened(chosen):
            facts[name].add(text)
    lines = []
    for name, texts in facts.items():
        lines.append((name, " or ".join(sorted(texts))))
    return Facts("Hardware and software", tuple(lines))
