"""Leaderboard tables, one per protocol and track; the best are marked where ranking is allowed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from defocus.benchmark.evaluation.columns import INDEPENDENT
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.tables import COST_COLUMNS, COUNTED, budget_words
from defocus.benchmark.metric.metric import Metric
from defocus.benchmark.metric.registry import all_metrics
from defocus.benchmark.reporting.content import (
    Content,
    ReportSetting,
    TrackKey,
    by_track,
    display_name,
    group_anchor,
    is_reference,
    main_protocol,
    protocols,
    ranks,
    setting_names,
    settings,
)
from defocus.benchmark.reporting.published_numbers import PublishedBeside
from defocus.benchmark.results.store import NARROW
from defocus.benchmark.statistics.comparable import NEVER_RANKED, SIGMA, Track
from defocus.progress import counted
from defocus.reports.model import Cell, Column, Link, Measured, Table
from defocus.reports.text import anchor, visible

__all__ = ["board_tables", "breakdown_tables", "unscored_table"]

APART = ", reconstructions"
"""In the captions of tables whose systems were rebuilt from what is known of them."""

Values = dict[str, dict[str, Row]]
"""Rows by system and metric."""


def board_tables(content: Content) -> list[Table]:
    """One table per dataset, budget, profile, protocol and track, each with the reference rows.

    Reconstructions of a track are listed in a separate table.
    """
    found = []
    names = setting_names(content.rows)
    for setting, rows in settings(content.rows).items():
        references = [row for row in rows if is_reference(content, row.system)]
        others = [row for row in rows if not is_reference(content, row.system)]
        parts = _parts(content, others) or [(TrackKey("none", "", "single"), "", [])]
        for protocol in protocols(rows):
            for key, apart, part in parts:
                chosen = _of(part, protocol)
                beside = _of(references, protocol)
                if any(row.protocol for row in (chosen if part else beside)):
                    title = f"{names[setting]}, protocol {protocol}: {key.words}{apart}"
                    place = _Place(setting, protocol, key, apart)
                    found.append(_table(content, title, place, chosen, beside))
    return found


@dataclass(frozen=True)
class _Place:
    """Subject of a table; ``apart`` is the caption's note on reconstructions, else empty."""

    setting: ReportSetting
    protocol: str
    key: TrackKey
    apart: str


def _parts(content: Content, rows: Sequence[Row]) -> list[tuple[TrackKey, str, list[Row]]]:
    """The rows of each track, then those of its reconstructions, if any."""
    return [
        (key, words, part)
        for key, of_track in by_track(rows)
        for words, part in _apart(content, of_track)
    ]


def _apart(content: Content, rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows that are not reconstructions and rows that are, each with a caption note."""
    rebuilt = content.reconstructions
    return [
        (words, part)
        for apart, words in ((False, ""), (True, APART))
        if (part := [row for row in rows if (row.system in rebuilt) is apart])
    ]


def breakdown_tables(content: Content) -> list[Table]:
    """Tables of PSNR by region: edges, in focus, by amount of blur, indoors and outdoors."""
    found = []
    titles = setting_names(content.rows)
    for setting, rows in settings(content.rows).items():
        protocol = main_protocol(setting, rows)
        parts = [row for row in rows if row.protocol == protocol and _is_breakdown(row.metric)]
        for words, part in _apart(content, parts):
            caption = f"{titles[setting]}, protocol {protocol}: PSNR by place{words}"
            found += _breakdown(content, caption, part)
    return found


def _breakdown(content: Content, caption: str, rows: Sequence[Row]) -> list[Table]:
    values = _by_system(rows)
    names = sorted({row.metric for row in rows if row.value is not None})
    columns = [Column(_place_words(name), "dB", "higher", 2) for name in names]
    body = [
        (_name(content, system, values[system]), *(_value(by.get(n)) for n in names))
        for system, by in sorted(values.items())
    ]
    return [Table(caption, (Column("System"), *columns), tuple(body), _CIRCLES)] if names else []


_CIRCLES = "Numbers in a head are diameters of the circle of confusion, px."


def _is_breakdown(metric: str) -> bool:
    other = metric in all_metrics() or metric.endswith((SIGMA, INDEPENDENT))
    return metric.startswith("psnr_") and not other


def _place_words(metric: str) -> str:
    """``psnr_coc_2_4`` as ``2 to 4 px``, ``psnr_in_focus`` as ``In focus``."""
    name = metric.removeprefix("psnr_")
    if name.startswith("coc_"):
        low, _, high = name.removeprefix("coc_").partition("_")
        return f"{low} px and more" if high == "up" else f"{low} to {high} px"
    return name.replace("_", " ").capitalize()


def unscored_table(content: Content) -> Table | None:
    """Table of the systems without any score, with reasons; None if all have scores."""
    lines = [
        (
            Link(display_name(content, entry.system), f"#{group_anchor(entry)}"),
            entry.dataset,
            budget_words([entry.budget]),
            entry.status,
        )
        for group in content.groups
        for entry in group[:1]
        if not entry.scored
    ]
    names = ("System", "Dataset", "Budget", "Status")
    columns = tuple(Column(name) for name in names)
    return Table("Systems without scores", columns, tuple(lines)) if lines else None


def _of(rows: Iterable[Row], protocol: str) -> list[Row]:
    """The rows of one protocol, and those of costs."""
    return [row for row in rows if row.protocol in {protocol, ""}]


def _by_system(rows: Iterable[Row]) -> Values:
    found: Values = defaultdict(dict)
    for row in rows:
        found[row.system][row.metric] = row
    return dict(found)


def _table(
    content: Content,
    title: str,
    place: _Place,
    rows: list[Row],
    references: list[Row],
) -> Table:
    setting, protocol, key = place.setting, place.protocol, place.key
    scores = [row for row in (*references, *rows) if row.protocol]
    metrics = [m for name, m in all_metrics().items() if any(r.metric == name for r in scores)]
    own = _by_system(rows)
    track = None if place.apart else content.tracks.get((setting, protocol, key))
    ranked = {} if place.apart else ranks(content, setting, protocol, key)
    places = {metric.name: _places(metric, own, ranked) for metric in metrics}
    beside = PublishedBeside(content)
    order = [
        *sorted({row.system for row in references}),
        *sorted(own, key=lambda s: (ranked.get(s, len(own) + 1), s)),
    ]
    values = _by_system(references) | own
    lead = _lead_columns(track, ranked)
    body: list[tuple[Cell, ...]] = []
    for system in order:
        first: list[Cell] = [
            _name(content, system, values[system]),
            _kind(content, system),
        ]
        known = _standing_cells(track, ranked, system)
        cells = [_score(metric, values[system], places, beside) for metric in metrics]
        costs = [_value(values[system].get(name)) for name in COST_COLUMNS]
        body.append((*first, *known, *cells, *costs))
    names = (*astuple(setting), protocol, *astuple(key), *([place.apart] if place.apart else []))
    return Table(
        title,
        (*lead, *_columns(metrics)),
        tuple(body),
        note=_note(setting, protocol, [*references, *rows], track),
        footnotes=beside.footnotes,
        anchors=tuple(anchor("row", *names, system) for system in order),
        facets=(
            ("Dataset", visible(f"{setting.dataset}, {setting.split}")),
            ("Budget", setting.budget),
            ("Profile", setting.profile),
            ("Protocol", protocol),
            ("Track", visible(key.words)),
            ("Data revision", setting.data_revision),
            ("Scored by", setting.evaluation),
        ),
    )


def _lead_columns(track: Track | None, ranked: dict[str, int]) -> list[Column]:
    columns = [Column("System"), Column("Kind", choose="value")]
    if ranked:
        columns.append(Column("Rank", better="lower", decimals=0))
    if track and track.alike:
        columns.append(Column("Alike"))
    return columns


def _standing_cells(track: Track | None, ranked: dict[str, int], system: str) -> list[Cell]:
    """Cells with the rank, its range over resamples, and the letters of its groups."""
    cells: list[Cell] = []
    standing = next((s for s in (track.standings if track else ()) if s.system == system), None)
    if ranked:
        ends = None
        low, high = (standing.rank_low, standing.rank_high) if standing else (None, None)
        if low is not None and high is not None and low < high:
            ends = (float(low), float(high))
        rank = ranked.get(system)
        cells.append(None if rank is None else Measured(rank, ends))
    if track and track.alike:
        cells.append("".join(_letter(n) for n, names in enumerate(track.alike) if system in names))
    return cells


def _letter(number: int) -> str:
    """Letters from a to z, then a1 to z1 and so on."""
    return chr(ord("a") + number % 26) + (str(number // 26) if number >= 26 else "")


def _columns(metrics: Sequence[Metric]) -> tuple[Column, ...]:
    scores = [
        Column(metric.display_name, metric.unit, metric.better, metric.decimals, choose="column")
        for metric in metrics
    ]
    costs = [
        Column(column.name, column.unit, "lower", column.decimals, choose="limit")
        for column in COST_COLUMNS.values()
    ]
    return (*scores, *costs)


def _name(content: Content, system: str, rows: dict[str, Row]) -> Link:
    row = next(iter(rows.values()))
    return Link(display_name(content, system), f"#{group_anchor(row)}")


def _kind(content: Content, system: str) -> str:
    card = content.cards.get(system)
    kind = card.kind if card else "reference" if is_reference(content, system) else "system"
    return f"{kind}, reconstruction" if system in content.reconstructions else kind


def _places(metric: Metric, values: Values, ranked: dict[str, int]) -> dict[str, int]:
    """1 for the best and 2 for the second best of the ranked systems."""
    found = {
        system: row.value
        for system in ranked
        if system in values
        and (row := values[system].get(metric.name)) is not None
        and row.value is not None
    }
    if len(found) < 2 or metric.against == "input":  # a displacement ranks nobody
        return {}
    steps = sorted(set(found.values()), reverse=metric.better == "higher")[:2]
    return {s: steps.index(value) + 1 for s, value in found.items() if value in steps}


def _score(
    metric: Metric,
    rows: dict[str, Row],
    places: dict[str, dict[str, int]],
    beside: "PublishedBeside",
) -> Cell:
    row = rows.get(metric.name)
    if row is None or row.value is None:
        return None
    interval = None
    if row.ci_low is not None and row.ci_high is not None:
        interval = (row.ci_low, row.ci_high)
    place = places[metric.name].get(row.system)
    text, footnotes = beside.of(row)
    return Measured(row.value, interval, 1 if place == 1 else 2 if place else None, text, footnotes)


def _value(row: Row | None) -> float | None:
    return row.value if row else None


def _note(setting: ReportSetting, protocol: str, rows: Sequence[Row], track: Track | None) -> str:
    """Note on conventions of the table, what its numbers can show, and why cells are empty."""
    scores = [row for row in rows if row.protocol]
    images, scenes = (max((getattr(r, n) for r in scores), default=0) for n in ("images", "scenes"))
    averaged = f"Means over {counted(images, 'picture')} of {counted(scenes, 'scene')}"
    said = [averaged if images else "No means", budget_words([setting.budget])]
    said.append(f"profile {setting.profile}, data {setting.data_revision}")
    if any(row.ci_low is not None for row in scores):
        said.append("below a mean its 95 % interval")
    own = [row for row in scores if not row.metric.endswith(INDEPENDENT)]
    flows = {_flow(row) for row in own if row.flow}
    if flows:
        said.append(f"flow: {', '.join(sorted(flows))}")
    if protocol in NEVER_RANKED:
        said.append("the reference depends on the output: never ranked")
    said += _tests(track)
    measured = sorted({row.measured_on for row in rows if row.measured_on})
    costs = [COUNTED, *([f"measured on {'; on '.join(measured)}"] if measured else [])]
    others = [*_reasons(scores), *_seeds(scores), *_independent(scores)]
    return "; ".join([*said, *others, *costs]) + "."


def _independent(rows: Sequence[Row]) -> list[str]:
    """Scores of systems by a flow estimator that was not used to train them."""
    return [
        f"{row.system} by {_flow(row)}, which did not train it: PSNR {row.value:.2f} dB"
        for row in rows
        if row.metric == f"psnr{INDEPENDENT}" and row.value is not None
    ]


def _flow(row: Row) -> str:
    """The flow estimator with the start of its weights' hash, if it has weights."""
    return f"{row.flow} {row.flow_weights[:8]}".strip()


def _tests(track: Track | None) -> list[str]:
    """Note on the statistical tests of a track."""
    if track is None:
        return []
    said = [track.note.replace("n/a: ", "no intervals and tests: ", 1)] if track.note else []
    if track.alike:
        said.append(
            "systems that share a letter do not differ significantly (paired permutation of "
            "scenes, Holm)"
        )
    if track.minimum_detectable is not None:
        said.append(
            f"a difference of {track.minimum_detectable:.2f} dB would be found four times in five"
        )
    if track.resolution is not None:
        said.append(
            f"differences under {track.resolution:.2f} dB are below the dataset's resolution"
        )
    return said


def _reasons(rows: Sequence[Row]) -> list[str]:
    subjects: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.status != "ok":
            empty = all(r.value is None for r in rows if r.system == row.system)
            everywhere = all(r.value is None for r in rows if r.metric == row.metric)
            subjects[row.status].add(row.metric if everywhere and not empty else row.system)
    return [f"{', '.join(sorted(names))}: {status}" for status, names in subjects.items()]


def _seeds(rows: Sequence[Row]) -> list[str]:
    """Note on systems with fewer seeds than others."""
    trained = [row for row in rows if row.weights in {"trained", NARROW}]
    most = max((row.seeds for row in trained), default=0)
    return sorted({f"{r.system}: {r.seeds} of {most} seeds" for r in trained if r.seeds < most})
