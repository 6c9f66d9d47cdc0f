"""Lines of a leaderboard: one per system, origin of weights and budget of a dataset."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from defocus.baselines.scales import ENDING
from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER
from defocus.benchmark.leaderboard.classes import budget_words, partial_words
from defocus.benchmark.leaderboard.content import (
    Content,
    TrackKey,
    display_name,
    group_anchor,
    is_reference,
    ranks,
    setting_of,
    track_key,
)
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metrics.metric import NO_REFERENCE, Metric, all_metrics
from defocus.benchmark.results.store import ELSEWHERE, NARROW, SCRATCH, Entry
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.statistics.comparable import CEILING, TRUTH, Track
from defocus.errors import InputError

GIVEN_MARKS = {
    "dual": "dual-pixel",
    "dual_pixel": "dual-pixel",
    "defocus_map": "true map",
}
WEIGHT_MARKS = {
    "official": "official",
    "own": "own weights",
    NARROW: "narrow",
    ELSEWHERE: "made elsewhere",
}

CAST = "colour cast"
SCALED = ENDING
"""Mark of a system that is evaluated at scales under its own name."""

CROPPED = ", cropped"
"""First words of the suffix of systems whose pictures were cropped before scoring."""

TRUE_BLUR = "defocus_map"
"""Input of systems that are given the true blur."""

LineKey = tuple[str, str, str, str]
"""System, origin of its weights, what they were trained on, budget."""


@dataclass(frozen=True, order=True)
class BoardKey:
    """Properties that all rows of a leaderboard share: they restored the same pictures."""

    dataset: str
    split: str
    data_revision: str


@dataclass(frozen=True, order=True)
class Convention:
    """How scores were computed; a tab of the leaderboard."""

    profile: str
    evaluation: str
    protocol: str


@dataclass(frozen=True, eq=False)
class BoardLine:
    """One line of a leaderboard, its costs under the empty protocol; it is equal only to itself."""

    key: LineKey
    name: str
    marks: tuple[str, ...]
    reference: bool
    rows: Mapping[tuple[Convention, str], Row]

    @cached_property
    def first(self) -> Row:
        """One of its rows, for facts that all of them share."""
        return next(iter(self.rows.values()))

    @property
    def place(self) -> str:
        """Anchor of the details of the line."""
        return group_anchor(self.first)

    @property
    def at_scales(self) -> bool:
        """Whether its name or a mark says that it is restored at scales."""
        return self.first.system.endswith(ENDING) or SCALED in self.marks

    @property
    def is_given_blur(self) -> bool:
        """Whether the system is given the true blur: then it competes with nobody."""
        return TRUE_BLUR in self.first.input

    @property
    def track(self) -> TrackKey:
        """The track in which it competes."""
        return track_key(self.first)

    def row(self, convention: Convention | None, metric: str) -> Row | None:
        """The row of a metric under a convention, or of a cost, which has none."""
        if convention is not None:
            return self.rows.get((convention, metric))
        for (_, name), row in self.rows.items():
            if name == metric and not row.protocol:
                return row
        return None

    def rows_under(self, convention: Convention) -> list[Row]:
        """The rows of all metrics under a convention."""
        return [row for (of, _), row in self.rows.items() if of == convention]


@dataclass(frozen=True)
class Board:
    """The leaderboard of a dataset; the first of its conventions is shown first."""

    # ``perfect`` is the PSNR of a perfect restoration, dB, where it is not the reference itself.

    key: BoardKey
    name: str
    lines: tuple[BoardLine, ...]
    conventions: tuple[Convention, ...]
    perfect: Mapping[Convention, float]

    def leading(self, convention: Convention) -> Metric:
        """The metric that orders the lines: PSNR, where there is something to compare with."""
        names: list[str] = []
        for line in self.lines:
            names += [row.metric for row in line.rows_under(convention)]
        return leading_metric(names)

    def ordered(self, convention: Convention) -> list[BoardLine]:
        """The lines with a score under the convention, best first; then those without."""
        scored = [line for line in self.lines if line.rows_under(convention)]
        leading = self.leading(convention)
        sign = -1.0 if leading.better == "higher" else 1.0

        def order(line: BoardLine) -> tuple[bool, float, str]:
            row = line.row(convention, leading.name)
            value = row.value if row else None
            return value is None, sign * (value or 0.0), line.name

        return sorted(scored, key=order)

    def scored_under(self) -> dict[str, list[str]]:
        """The names of the conventions of each line, by its name."""
        names: dict[str, list[str]] = {}
        for line in self.lines:
            names[line.name] = []
            for convention in self.conventions:
                if line.rows_under(convention):
                    names[line.name].append(self.convention_name(convention))
        return names

    def convention_name(self, convention: Convention) -> str:
        """The protocol, and further distinctions if the leaderboard needs them."""
        twins = [one for one in self.conventions if one.protocol == convention.protocol]
        alike = [one for one in twins if one.profile == convention.profile]
        profiles = {one.profile for one in twins}
        words = [convention.protocol]
        if len(profiles) > 1:
            words.append(f"profile {convention.profile}")
        words.append(self._evaluation_words(convention, alike))
        return ", ".join(filter(None, words))

    def _evaluation_words(
        self,
        convention: Convention,
        twins: Sequence[Convention],
    ) -> str:
        """The distinction of an evaluation: the crop, else the revision, else all of its facts."""
        cropped = self._cropped_words(convention)
        revisions = set()
        for one in twins:
            if one != convention and self._cropped_words(one) == cropped:
                revisions.add(one.evaluation.partition("-")[0])
        if not revisions:
            return cropped
        words = f"evaluation {convention.evaluation}"
        revision, _, _ = convention.evaluation.partition("-")
        if revision not in revisions:
            words = f"scoring revision {revision}"
        return ", ".join(filter(None, [cropped, words]))

    def _cropped_words(self, convention: Convention) -> str:
        """``scored from files, cropped to 316x256`` where the lines say so; else empty."""
        words = set()
        for line in self.lines:
            _, cropped, size = line.first.system.rpartition(CROPPED)
            if cropped and line.rows_under(convention):
                words.add(cropped + size)
        if not words or "-cropped-" not in convention.evaluation:
            return ""
        crop = words.pop() if len(words) == 1 else CROPPED
        return f"scored from files{crop}"


def read_boards(content: Content) -> list[Board]:
    """The leaderboards of a study, by dataset; those without a score are left out."""
    by_key: dict[BoardKey, list[Row]] = defaultdict(list)
    perfect: dict[BoardKey, dict[Convention, float]] = defaultdict(dict)
    for row in content.rows:
        key = BoardKey(row.dataset, row.split, row.data_revision)
        if row.system != CEILING:
            by_key[key].append(row)
        elif row.metric == "psnr" and row.value is not None and row.protocol != TRUTH:
            perfect[key][convention_of(row)] = row.value
    boards = []
    scored = [key for key in sorted(by_key) if _has_scores(by_key[key])]
    for key in scored:
        rows = by_key[key]
        board = Board(
            key,
            _name(key, scored),
            _lines(content, rows),
            _conventions(rows),
            perfect[key],
        )
        boards.append(board)
    return boards


def _has_scores(rows: Sequence[Row]) -> bool:
    """Whether a row has a protocol, and so a score instead of a cost."""
    return any(row.protocol for row in rows)


def leading_metric(names: Iterable[str]) -> Metric:
    """The first of these metrics in the order of tables."""
    present = set(names)
    for name, metric in all_metrics().items():
        if name in present:
            return metric
    raise InputError(
        f"no metric of the results is known here ({', '.join(sorted(present)) or 'none'}); "
        "give the --plugin that has it, or restore results.sqlite from a copy"
    )


def by_place(rows: Iterable[Row]) -> dict[tuple[Convention, str], Row]:
    """Rows of a line by convention and metric."""
    return {(convention_of(row), row.metric): row for row in rows}


def line_of(row: Row | Entry) -> LineKey:
    """The line to which a row, or an entry of the store, belongs."""
    return row.system, row.weights, row.train_dataset, row.budget


def track_of(
    content: Content,
    line: BoardLine,
    convention: Convention,
) -> tuple[Track | None, int | None]:
    """The track and rank of a line under a convention; nobody has a rank alone."""
    row = line.row(convention, "psnr")
    if row is None:
        return None, None
    setting = setting_of(row)
    track = content.tracks.get((setting, convention.protocol, line.track))
    if line.first.system in content.reconstructions or line.reference:
        return None, None
    ranked = ranks(content, setting, convention.protocol, line.track)
    mine = line.first
    rank = ranked.get((mine.system, mine.weights, mine.train_dataset))
    return track, rank if len(ranked) > 1 else None


def _name(key: BoardKey, keys: Sequence[BoardKey]) -> str:
    twins = [other for other in keys if other.dataset == key.dataset]
    words = {
        "split": f"split {key.split}",
        "data_revision": f"data {key.data_revision}",
    }
    said = [key.dataset]
    for name, text in words.items():
        if len({getattr(twin, name) for twin in twins}) > 1:
            said.append(text)
    return ", ".join(said)


def _lines(content: Content, rows: Sequence[Row]) -> tuple[BoardLine, ...]:
    by_line: dict[LineKey, list[Row]] = defaultdict(list)
    for row in rows:
        by_line[line_of(row)].append(row)
    names = _line_names(content, list(by_line))
    scored = [row for row in rows if row.protocol and row.metric == _counted(row)]
    lines = []
    for key, part in by_line.items():
        lines.append(_line(content, key, part, names[key], scored))
    return tuple(sorted(lines, key=lambda line: line.name))


def _line_names(content: Content, keys: Sequence[LineKey]) -> dict[LineKey, str]:
    """The systems' names; lines with the same name get what distinguishes them."""
    names = {key: display_name(content, key[0]) for key in keys}
    for words in range(1, 4):
        twins = Counter(names.values())
        for key, name in names.items():
            system, weights, train_dataset, budget = key
            distinctions = (
                WEIGHT_MARKS.get(weights, ""),
                train_dataset,
                budget_words([budget]),
            )
            used = filter(None, distinctions[:words])
            said = ", ".join(dict.fromkeys(used))
            if twins[name] > 1 and said:
                names[key] = f"{display_name(content, system)} ({said})"
    return names


def _line(
    content: Content,
    key: LineKey,
    rows: Sequence[Row],
    name: str,
    scored: Sequence[Row],
) -> BoardLine:
    reference = is_reference(content, key[0])
    said = name.removeprefix(display_name(content, key[0]))
    marks = []
    if not reference:
        marks = [mark for mark in _marks(content, rows[0]) if mark not in said]
    marks += _partial(rows, scored)
    return BoardLine(key, name, tuple(marks), reference, by_place(rows))


def _partial(rows: Sequence[Row], scored: Sequence[Row]) -> tuple[str, ...]:
    """How many pictures a line has, where it lacks some that another line has."""
    for row in rows:
        if row.protocol and row.metric == _counted(row):
            convention = convention_of(row)
            alike = [one for one in scored if convention_of(one) == convention]
            if words := partial_words(row, alike):
                return (words,)
    return ()


def _counted(row: Row) -> str:
    """The metric that counts a line's pictures; without ground truth, any metric."""
    return row.metric if row.protocol == NO_REFERENCE else "psnr"


def convention_of(row: Row) -> Convention:
    """How a row was scored."""
    return Convention(row.profile, row.evaluation, row.protocol)


def _marks(content: Content, row: Row) -> list[str]:
    """Marks of a line: whose weights, what it is given, what forbids comparing it."""
    scratch = row.weights if row.weights.startswith(SCRATCH) else ""
    marks = [WEIGHT_MARKS.get(row.weights, scratch)]
    marks += [GIVEN_MARKS.get(one, "") for one in row.input.split(", ")]
    if _is_scaled(content, row):
        marks.append(SCALED)
    if row.system in content.reconstructions:
        marks.append("reconstruction")
    if row.status.startswith("seen"):
        marks.append("seen")
    if _has_cast(content, row):
        marks.append(CAST)
    return list(dict.fromkeys(filter(None, marks)))


def _has_cast(content: Content, row: Row) -> bool:
    """Whether a run behind a row shifts colours."""
    mine = (line_of(row), row.dataset)
    for entry in content.entries:
        if entry.run in content.casts and (line_of(entry), entry.dataset) == mine:
            return True
    return False


def _is_scaled(content: Content, row: Row) -> bool:
    """Whether a system is evaluated at scales, and its name does not say so."""
    card = content.cards.get(row.system)
    return card is not None and card.at_scales and not row.system.endswith(ENDING)


def _conventions(rows: Sequence[Row]) -> tuple[Convention, ...]:
    """Conventions with scores: those of most systems first, the truth before the profile's own."""
    systems: dict[tuple[str, str], set[LineKey]] = defaultdict(set)
    every: set[Convention] = set()
    valued: set[Convention] = set()
    for row in rows:
        if not row.protocol:
            continue
        systems[row.profile, row.evaluation].add(line_of(row))
        every.add(convention_of(row))
        if row.value is not None:
            valued.add(convention_of(row))

    def order(one: Convention) -> tuple[int, str, str, bool, bool, int, str]:
        return (
            -len(systems[one.profile, one.evaluation]),
            one.profile,
            one.evaluation,
            *protocol_place(one.profile, one.protocol),
        )

    return tuple(sorted(valued or every, key=order))


def protocol_place(profile: str, protocol: str) -> tuple[bool, bool, int, str]:
    """Sorts the protocols of a profile: the truth first, then its own, then the order of tables."""
    own = PROFILES[profile].protocol if profile in PROFILES else ""
    number = len(PROTOCOL_ORDER)
    if protocol in PROTOCOL_ORDER:
        number = PROTOCOL_ORDER.index(protocol)
    return protocol != TRUTH, protocol != own, number, protocol
