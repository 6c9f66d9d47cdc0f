"""Tables of the leaderboard for reports and terminal, with or without ranks."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from defocus.baselines.registry import all_baselines
from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER
from defocus.benchmark.leaderboard.classes import (
    budget_words,
    counted_head,
    empty_notes,
    left_out_notes,
    most_images,
    over_pictures,
    partial_words,
    protocol_notes,
    ranked_classes,
    ranked_in,
)
from defocus.benchmark.leaderboard.columns import COST_COLUMNS, column
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metric.metric import NO_REFERENCE, all_metrics
from defocus.benchmark.published.numbers import printed_beside
from defocus.benchmark.results.store import ELSEWHERE, NARROW, SCRATCH, is_trained
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.statistics.comparable import (
    CEILING,
    PERFECT,
    RANKED_BUDGETS,
    TRUTH,
    Difference,
    Track,
)
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.progress import several
from defocus.reports.model import Cell, Column, Table

LineKey = tuple[str, str, str, str]
"""System, origin of its weights, what they were trained on, budget."""

_FIRST = ("psnr", "ssim", "lpips")
"""The metrics that are wanted most."""

COUNTED = (
    "MACs: convolutions, matrix products and attention; Fourier transforms are not counted; "
    "memory: beside the weights; time: the median picture; per MP: at the size of the test pictures"
)


NARROW_NOTICE = (
    "demo budget: narrow copies, trained for seconds; compare them with each other, never with "
    "published numbers"
)


def score_tables(
    rows: Sequence[Row], reconstructions: Iterable[str] = (), tracks: Sequence[Track] = ()
) -> list[Table]:
    """One table per dataset, profile and versions, best PSNR first, columns most wanted first."""
    # It has the protocol that the profile is meant for, then PSNR under the others. Columns without
    # a value are left out; reconstructions are marked and never ranked.
    excluded = frozenset(reconstructions)
    return [
        _score_table(part, protocols, excluded, tracks)
        for part in _by_pictures(rows)
        if (protocols := _protocols([row for row in part if row.system != CEILING]))
    ]


def _by_pictures(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that were scored alike on the same pictures, whatever their budget."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[row.dataset, row.split, row.data_revision, row.profile, row.evaluation].append(row)
    return [found[key] for key in sorted(found)]


def _protocols(rows: Sequence[Row]) -> list[str]:
    """The protocols with scores, the profile's own first."""
    found = {row.protocol for row in rows if row.protocol}
    valued = {row.protocol for row in rows if row.protocol and row.value is not None} or found
    profile = PROFILES.get(rows[0].profile)
    known = [name for name in PROTOCOL_ORDER if name in valued]
    ordered = [*known, *sorted(valued.difference(known))]
    return sorted(ordered, key=lambda name: profile is None or name != profile.protocol)


def _names(rows: Sequence[Row], reconstructions: frozenset[str]) -> dict[LineKey, str]:
    """Names of the lines: the system, whose weights it has, and whether it is rebuilt."""
    names = {}
    for row in rows:
        rebuilt = " (reconstruction)" if row.system in reconstructions else ""
        names[_key(row)] = f"{row.system}{_origin(row)}{rebuilt}"
    twins = Counter(names.values())
    return {
        key: f"{name} ({budget_words([key[3]])})" if twins[name] > 1 else name
        for key, name in names.items()
    }


def _key(row: Row) -> LineKey:
    return row.system, row.weights, row.train_dataset, row.budget


def _origin(row: Row) -> str:
    """Whose weights a system has, where the study did not train it."""
    origin = {"official": f" (official, {row.train_dataset})", "own": " (own weights)"}
    origin |= {NARROW: " (narrow)", ELSEWHERE: " (made elsewhere)"}
    scratch = f" ({row.weights})" if row.weights.startswith(SCRATCH) else ""
    return origin.get(row.weights, scratch)


@dataclass(frozen=True)
class _Lines:
    """The lines of a table, best first, with rows by protocol and metric; costs have none."""

    names: dict[LineKey, str]
    rows: dict[LineKey, dict[tuple[str, str], Row]]
    images: int

    def head(self, name: str, protocol: str, metric: str) -> str:
        """The head of a column, with its number of pictures if that is another than the table's."""
        rows = [found.get((protocol, metric)) for found in self.rows.values()]
        return counted_head(name, rows, self.images)

    def values(self, protocol: str, metric: str) -> list[Cell]:
        """The values of a metric, a cell for each line."""
        found = (self.rows[key].get((protocol, metric)) for key in self.names)
        return [row.value if row is not None else None for row in found]


def _score_table(
    rows: Sequence[Row],
    protocols: Sequence[str],
    reconstructions: frozenset[str],
    tracks: Sequence[Track],
) -> Table:
    protocol, *others = protocols
    perfect = _perfect(rows, protocol)
    rows = [row for row in rows if row.system != CEILING]
    shown = [row for row in rows if row.protocol == protocol]
    lines = _lines(rows, shown, reconstructions)
    columns = _score_columns(lines, protocol, others)
    mine = [track for track in tracks if shown and _same_contest(track, shown[0], protocol)]
    classes = ranked_classes(mine)
    if ranked := _ranks(shown, mine):
        ranks_of = [_rank(ranked.get(key), in_class=bool(classes)) for key in lines.names]
        name = "Rank in class" if classes else "Rank"
        columns.insert(0, (Column(name, decimals=0), ranks_of))
    if printed := _printed(shown, reconstructions):
        texts: list[Cell] = [printed.get(key, "") for key in lines.names]
        columns.append((Column("published", "dB"), texts))
    kept = [(head, cells) for head, cells in columns if any(c is not None for c in cells)]
    names: list[Cell] = list(lines.names.values())
    told = {lines.names[_key(row)]: row for row in shown if row.metric == _leading(shown)}
    every = _scored_under(rows, _names(rows, reconstructions) | lines.names, protocols)
    notes = [classes, *protocol_notes(every), *left_out_notes(told)]
    notes += [perfect, _note(shown), _independent(shown)]
    notes += [_said(track) for track in tracks if _is_of(track, rows[0], protocol)]
    return Table.of(
        _caption(rows, protocol),
        ("System", *(head for head, _ in kept)),
        zip(names, *(cells for _, cells in kept), strict=True),
        "; ".join(filter(None, notes)),
    )


def _lines(rows: Sequence[Row], shown: Sequence[Row], reconstructions: frozenset[str]) -> _Lines:
    """The lines with a score or a reason, best first; one that lacks pictures says so."""
    leading = _leading(shown)
    scored = [row for row in shown if row.metric == leading]
    names = _names(rows, reconstructions)
    for row in scored:
        if words := partial_words(row, scored):
            name = names[_key(row)]
            begin = f"{name[:-1]}, " if name.endswith(")") else f"{name} ("
            names[_key(row)] = f"{begin}{words})"
    found: dict[LineKey, dict[tuple[str, str], Row]] = {_key(row): {} for row in shown}
    for row in rows:
        if _key(row) in found:
            found[_key(row)][row.protocol, row.metric] = row
    sign = -1.0 if all_metrics()[leading].better == "lower" else 1.0
    worth = {_key(row): sign * row.value for row in scored if row.value is not None}
    order = sorted(found, key=lambda key: (-worth.get(key, -math.inf), names[key]))
    return _Lines({key: names[key] for key in order}, found, most_images(scored))


def _leading(shown: Sequence[Row]) -> str:
    """The metric by which lines are ordered: PSNR where there is ground truth."""
    found = {row.metric for row in shown}
    return "psnr" if "psnr" in found else next(name for name in all_metrics() if name in found)


def _score_columns(
    lines: _Lines, protocol: str, others: Sequence[str]
) -> list[tuple[Column, list[Cell]]]:
    """Gain, the field's scores, parameters and time; then all that is wanted less."""
    gained = [lines.rows[key].get((protocol, "psnr")) for key in lines.names]
    gains: list[Cell] = [row.gain if row is not None else None for row in gained]
    columns: list[tuple[Column, list[Cell]]] = [(column("gain", bar=True), gains)]
    metrics = list(all_metrics().values())
    for metric in sorted(metrics, key=lambda metric: metric.name not in _FIRST):
        name = lines.head(metric.display_name, protocol, metric.name)
        columns.append((column(metric.name, name), lines.values(protocol, metric.name)))
    costs = [(head, lines.values("", name)) for name, head in COST_COLUMNS.items()]
    first = 1 + sum(metric.name in _FIRST for metric in metrics)
    columns[first:first] = [costs[0], *costs[-2:]]
    columns += costs[1:-2]
    for other in others:
        head = column("psnr", lines.head(f"PSNR {other}", other, "psnr"))
        columns.append((head, lines.values(other, "psnr")))
    return columns


def _ranks(rows: Sequence[Row], tracks: Sequence[Track]) -> dict[LineKey, tuple[int, int]]:
    """The ranks of lines within their tracks, each of how many; nobody has one alone."""
    keys = {_key(row) for row in rows}
    found: dict[LineKey, tuple[int, int]] = {}
    for track in tracks:
        many = len(ranked_in(track))
        known = {
            (one.system, one.weights, one.train_dataset, track.contest.budget): (one.rank, many)
            for one in track.standings
            if one.rank is not None and many > 1
        }
        found |= {key: rank for key, rank in known.items() if key in keys}
    return found


def _rank(rank: tuple[int, int] | None, *, in_class: bool) -> Cell:
    if rank is None:
        return None
    return f"{rank[0]} of {rank[1]}" if in_class else rank[0]


def _perfect(rows: Sequence[Row], protocol: str) -> str:
    """What a perfect restoration would score; nothing where it is equal to the reference."""
    found = (row for row in rows if (row.system, row.metric) == (CEILING, "psnr"))
    values = (row.value for row in found if row.protocol == protocol != TRUTH)
    return next((f"{PERFECT}: {value:.2f} dB" for value in values if value is not None), "")


def _caption(rows: Sequence[Row], protocol: str) -> str:
    first = rows[0]
    mine = [row for row in rows if row.protocol == protocol and row.images]
    flows = ", ".join(sorted({_flow(r) for r in mine if r.flow}))
    competing = {row.budget for row in rows if row.system != INPUT}
    leading = [row for row in mine if row.metric == _leading(mine)]
    over = [over_pictures(leading, f"{first.split} picture")] if mine else [first.split]
    told = [first.dataset, *over, *filter(None, [budget_words(competing)])]
    against = "no sharp pictures" if protocol == NO_REFERENCE else f"protocol {protocol}"
    caption = f"{', '.join(told)}, {against}"
    return caption + (f" (flow: {flows})" if flows else "")


def _flow(row: Row) -> str:
    """The flow estimator with the start of its weights' hash, if it has weights."""
    return f"{row.flow} {row.flow_weights[:8]}" if row.flow_weights else row.flow


def _printed(rows: Sequence[Row], reconstructions: frozenset[str]) -> dict[LineKey, str]:
    """Published PSNR by line, as printed; each value once if there are several sources."""
    known = all_baselines()
    found: dict[LineKey, str] = {}
    for row in rows:
        card = known[row.system].card if row.system in known else None
        if card is None or card.published_as is None or row.system in reconstructions:
            continue
        if row.metric == "psnr":
            values = dict.fromkeys(cell.value for cell in printed_beside(row, card.published_as))
            if values:
                found[_key(row)] = ", ".join(values)
    return found


def _independent(rows: Sequence[Row]) -> str:
    """Scores of a system by a flow estimator that was not used to train it."""
    return "; ".join(
        f"{row.system} by {_flow(row)}, which did not train it: PSNR {row.value:.2f} dB"
        for row in rows
        if row.metric == "psnr_independent" and row.value is not None
    )


def _is_of(track: Track, row: Row, protocol: str) -> bool:
    ranked = len(track.standings) > 1 and track.contest.budget in RANKED_BUDGETS
    return ranked and _same_contest(track, row, protocol)


def _same_contest(track: Track, row: Row, protocol: str) -> bool:
    one = track.contest
    mine = (row.dataset, row.data_revision, row.profile, row.evaluation, protocol)
    return mine == (one.dataset, one.data_revision, one.profile, one.evaluation, one.protocol)


def _said(track: Track) -> str:
    """Note on the reliability of a track's ranks and differences."""
    parts = [f"no significant difference: {', '.join(group)}" for group in track.alike]
    if close := unresolved(track.differences):
        parts.append(f"smaller than what the place of the references leaves open: {close}")
    if track.minimum_detectable is not None:
        parts.append(f"differences from {track.minimum_detectable:.2f} dB on can be detected")
    parts.append(track.note.replace("n/a: ", "no intervals and tests: ", 1))
    return "; ".join(filter(None, parts))


def unresolved(differences: Iterable[Difference]) -> str:
    """Differences that are smaller than their resolution, with both numbers."""
    told = [
        f"{one.first} and {one.second} ({abs(one.difference):.3f} of {one.resolution:.3f} dB)"
        for one in differences
        if one.below_resolution
    ]
    return several(told)


def _note(rows: list[Row]) -> str:
    """Note on why cells are empty and which systems have fewer seeds."""
    trained = [row for row in rows if is_trained(row.weights)]
    seeds = max((row.seeds for row in trained), default=0)
    fewer = sorted(
        {f"{row.system}: {row.seeds} of {seeds} seeds" for row in trained if row.seeds < seeds}
    )
    return "; ".join([*empty_notes((row.system, row) for row in rows), *fewer])


def _scored_under(
    rows: Sequence[Row], names: Mapping[LineKey, str], protocols: Sequence[str]
) -> dict[str, list[str]]:
    """The protocols under which each line was scored, by its name."""
    found = {(_key(row), row.protocol) for row in rows}
    return {
        name: [protocol for protocol in protocols if (key, protocol) in found]
        for key, name in names.items()
    }
