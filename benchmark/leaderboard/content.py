"""Contents of a report: rows of a study, grouped by comparability."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from defocus.baselines.card import Card
from defocus.baselines.registry import known_baselines
from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER
from defocus.benchmark.evaluation.recording import MOST_CAST
from defocus.benchmark.leaderboard.classes import budget_words, given_words
from defocus.benchmark.leaderboard.rows import Row, current_entries
from defocus.benchmark.results.run_folder import ORIGIN, RECORD, run_folder
from defocus.benchmark.results.store import (
    ELSEWHERE,
    NARROW,
    NOT_TRAINED,
    Entry,
    Results,
)
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.statistics.comparable import CEILING, Track, shared_origin
from defocus.benchmark.statistics.standings import tracks
from defocus.errors import InputError
from defocus.reading import Json, intact, read_json
from defocus.reports.display import anchor


@dataclass(frozen=True, order=True)
class ReportSetting:
    """Key of rows that share pictures and conventions."""

    dataset: str
    split: str
    profile: str
    data_revision: str
    evaluation: str


@dataclass(frozen=True, order=True)
class TrackKey:
    """Key of systems with the same kind of input and training; only these are ranked together."""

    # Those that were not trained here share the budget and the input alone.

    budget: str
    weights: str
    train_dataset: str
    input: str

    @property
    def given(self) -> str:
        """Inputs of its systems, in words."""
        return given_words(self.input)

    @property
    def training(self) -> str:
        """Training data of its systems, in words."""
        if self.budget == NOT_TRAINED:
            return "not trained here"
        said = training_words(self.weights, self.train_dataset)
        return (
            said
            if self.budget == "paper"
            else f"{said} ({budget_words([self.budget])})"
        )

    @property
    def words(self) -> str:
        """The track in words."""
        return f"{self.given}, {self.training}"


@dataclass(frozen=True)
class Content:
    """Content of a study for its reports; the runs of a group differ by seed alone."""

    out: Path
    results: Results
    rows: Sequence[Row]
    groups: Sequence[Sequence[Entry]]
    cards: dict[str, Card]
    tracks: dict[tuple[ReportSetting, str, TrackKey], Track]
    casts: frozenset[str] = frozenset()

    @property
    def reconstructions(self) -> set[str]:
        """Names of systems for which only an abstract is public."""
        return {group[0].system for group in self.groups if group[0].reconstruction}

    @property
    def entries(self) -> list[Entry]:
        """The entries of all groups, in their order."""
        return list(chain.from_iterable(self.groups))

    def scored(self) -> list[Sequence[Entry]]:
        """Groups that have scores."""
        return [group for group in self.groups if group[0].scored]


def read_content(out: Path, results: Results, rows: Sequence[Row]) -> Content:
    """Read everything that the reports of a study show."""
    groups = [group for group in current_entries(results) if group[0].system != CEILING]
    names = sorted({group[0].system for group in groups})
    cards = {}
    for name, system in known_baselines(names).items():
        cards[name] = system.card
    content = Content(out, results, rows, groups, cards, tracks_by_key(results))
    casts = set()
    for entry in content.entries:
        if _has_cast(run_document(out, entry)):
            casts.add(entry.run)
    return replace(content, casts=frozenset(casts))


def tracks_by_key(
    results: Results,
    metric: str = "psnr",
) -> dict[tuple[ReportSetting, str, TrackKey], Track]:
    """The tracks of a metric, by setting, protocol and what their systems share."""
    by_key = {}
    for track in tracks(results, metric):
        shared = track.contest
        setting = ReportSetting(
            shared.dataset,
            shared.split,
            shared.profile,
            shared.data_revision,
            shared.evaluation,
        )
        key = TrackKey(shared.budget, track.weights, track.train_dataset, track.input)
        by_key[setting, shared.protocol, key] = track
    return by_key


def display_name(content: Content, system: str) -> str:
    """The system's name as written in text."""
    return content.cards[system].display_name if system in content.cards else system


def is_reference(content: Content, system: str) -> bool:
    """Whether a row is a reference, such as the blurry input, and not a system."""
    card = content.cards.get(system)
    return system == CEILING or (card is not None and card.kind == "reference")


def training_words(weights: str, train_dataset: str) -> str:
    """Training data of a system, in words."""
    if weights == ELSEWHERE:
        return "made elsewhere"
    if weights == "none" or not train_dataset:
        return "nothing trained"
    origin = {"official": "official weights of", "own": "own weights, trained on"}
    origin[NARROW] = "narrow copies, trained on"
    return f"{origin.get(weights, f'{weights} on')} {train_dataset}"


def track_key(row: Row | Entry) -> TrackKey:
    """The track in which a row competes."""
    given, trained_on, weights = shared_origin(
        row.budget,
        row.input,
        row.train_dataset,
        row.weights,
    )
    return TrackKey(row.budget, weights, trained_on, given)


def ranks(
    content: Content,
    setting: ReportSetting,
    protocol: str,
    key: TrackKey,
) -> dict[tuple[str, str, str], int]:
    """The ranks of a track's lines, by system, origin of weights and training data, if any."""
    track = content.tracks.get((setting, protocol, key))
    by_line: dict[tuple[str, str, str], int] = {}
    for one in track.standings if track else ():
        if one.rank is not None:
            by_line[one.system, one.weights, one.train_dataset] = one.rank
    return by_line


def settings(rows: Sequence[Row]) -> dict[ReportSetting, list[Row]]:
    """The rows by setting, sorted; costs are with the rows of their profile."""
    by_setting: dict[ReportSetting, list[Row]] = defaultdict(list)
    for row in rows:
        setting = setting_of(row)
        by_setting[setting].append(row)
    return dict(sorted(by_setting.items()))


def setting_of(row: Row) -> ReportSetting:
    """The setting of a row."""
    return ReportSetting(
        row.dataset,
        row.split,
        row.profile,
        row.data_revision,
        row.evaluation,
    )


def protocols(rows: Sequence[Row]) -> list[str]:
    """The protocols with scores, in the order of tables."""
    names = {row.protocol for row in rows if row.protocol}
    ordered = [name for name in PROTOCOL_ORDER if name in names]
    return [*ordered, *sorted(names.difference(ordered))]


def by_track(rows: Sequence[Row]) -> Iterator[tuple[TrackKey, list[Row]]]:
    """The rows of one setting by track, sorted."""
    by_key: dict[TrackKey, list[Row]] = defaultdict(list)
    for row in rows:
        key = track_key(row)
        by_key[key].append(row)
    yield from sorted(by_key.items())


def main_protocol(setting: ReportSetting, rows: Sequence[Row]) -> str:
    """The protocol for plots and tables per picture: the profile's own if it has values."""
    scored = {row.protocol for row in rows if row.value is not None}
    profile = PROFILES.get(setting.profile)
    if profile and profile.protocol in scored:
        return profile.protocol
    for protocol in PROTOCOL_ORDER:
        if protocol in scored:
            return protocol
    return ""


def group_anchor(entry: Any) -> str:  # noqa: ANN401 - an Entry or a Row: both have these names
    """Anchor of the provenance of a row on the page."""
    names = (
        entry.dataset,
        entry.budget,
        entry.weights,
        entry.train_dataset,
        entry.system,
    )
    return anchor("made", *names)


def run_document(out: Path, entry: Entry) -> Json:
    """The record ``run.json`` of a run; empty if there is none."""
    path = run_folder(out, entry.run) / RECORD
    if not path.exists():
        return {}
    with intact(path, "restore it, or delete it", InputError, OSError):
        document = read_json(path)
    return document if isinstance(document, dict) else {}


def origin_of(document: Mapping[str, Any]) -> str:
    """Origin of the scores of a run, by its record; empty if they were computed here."""
    return str(document.get(ORIGIN, ""))


def _has_cast(document: Json) -> bool:
    cast = document.get("colour_cast")
    return isinstance(cast, float) and cast > MOST_CAST
