"""Tables of the leaderboard for reports and terminal, with or without ranks."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from defocus.baselines.registry import all_baselines
from defocus.benchmark.leaderboard.rows import PROTOCOL_ORDER, Row
from defocus.benchmark.metric.registry import all_metrics
from defocus.benchmark.published.compare import printed_beside
from defocus.benchmark.results.store import CUSTOM, ELSEWHERE, NARROW
from defocus.benchmark.statistics.comparable import CEILING, RANKED_BUDGETS, Track, may_be_ranked
from defocus.reports.model import Cell, Column, Table

__all__ = ["budget_notice", "budget_words", "cost_tables", "ranks", "score_tables"]

COST_COLUMNS = {
    "params_m": Column("Parameters", "M", None, 2),
    "macs_g": Column("MACs", "G", None, 2),
    "peak_mib": Column("Memory", "MiB", None, 0),
    "seconds": Column("Time", "s", None, 3),
}

COUNTED = (
    "MACs: convolutions, matrix products and attention; Fourier transforms are not counted; "
    "memory: beside the weights; time: the median picture"
)


def budget_notice(budgets: Iterable[str]) -> str:
    """Notice for tables and figures under a budget that cannot compare systems."""
    unranked = set(budgets) - set(RANKED_BUDGETS)
    return f"{budget_words(unranked)}, not a comparison" if unranked else ""


def budget_words(budgets: Iterable[str]) -> str:
    """Budgets as text: ``demo and quick budget``, ``demo budget and custom schedule``."""
    names = set(budgets)
    ours = names - {CUSTOM, ELSEWHERE}
    words = f"{' and '.join(sorted(ours))} budget" if ours else ""
    custom = "custom schedule" if CUSTOM in names else ""
    elsewhere = "made elsewhere" if ELSEWHERE in names else ""
    return " and ".join(part for part in (words, custom, elsewhere) if part)


def ranks(rows: Sequence[Row], reconstructions: Iterable[str] = ()) -> dict[str, int]:
    """Ranks by PSNR of the systems of one dataset and protocol, each within its track.

    The systems of a track share input, training data, origin of weights, budget, data revision,
    profile, and the versions of scoring and metric. There are no ranks under ``demo``, ``quick``,
    ``own``, ``custom`` and ``deformed-gt``, for reconstructions, and for systems whose test scenes
    may have been used for training.

    Args:
        rows: Rows of one dataset, profile and protocol.
        reconstructions: Names of the systems that are not ranked.
    """
    unranked = {*reconstructions, CEILING}
    tracks: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        may = may_be_ranked(row.budget, row.protocol, row.status)
        if may and row.metric == "psnr" and row.value is not None and row.system not in unranked:
            versions = (row.data_revision, row.profile, row.evaluation, row.metric_version)
            tracks[row.input, row.train_dataset, row.weights, row.budget, *versions].append(row)
    ranked: dict[str, int] = {}
    for track in tracks.values():
        ordered = sorted(track, key=lambda row: -(row.value or 0.0))
        ranked |= {row.system: number for number, row in enumerate(ordered, start=1)}
    return ranked


def score_tables(
    rows: Sequence[Row], reconstructions: Iterable[str] = (), tracks: Sequence[Track] = ()
) -> list[Table]:
    """One table per dataset, budget, profile, versions and protocol, with a row per system.

    Reconstructions are listed in a separate table below.

    Args:
        rows: Rows of the leaderboard.
        reconstructions: Names of the systems that are not ranked and not compared with published
            numbers.
        tracks: Tracks whose ranks and differences are noted below the tables; none under a budget
            without ranks.
    """
    excluded = tuple(reconstructions)
    return [
        _score_table(part, excluded, tracks)
        for study in _by_study(_labelled(rows))
        for protocol in PROTOCOL_ORDER
        for apart in (False, True)
        if (part := _part(study, protocol, excluded, apart=apart))
    ]


def _part(
    rows: Sequence[Row], protocol: str, reconstructions: tuple[str, ...], *, apart: bool
) -> list[Row]:
    """The rows of one protocol: either its reconstructions or all others."""
    of_it = (row for row in rows if row.protocol == protocol)
    return [row for row in of_it if (row.system in reconstructions) is apart]


def cost_tables(rows: Sequence[Row]) -> list[Table]:
    """One table of costs per dataset and budget."""
    return [
        _cost_table(costs)
        for study in _by_study(_labelled(rows))
        if (costs := [row for row in study if not row.protocol])
    ]


def _labelled(rows: Sequence[Row]) -> list[Row]:
    """Label systems with added weights, which can stand beside your own training of them."""
    return [replace(row, system=row.system + _origin(row)) for row in rows]


def _origin(row: Row) -> str:
    """Whose weights a system has, where the study did not train it."""
    origin = {"official": f" (official, {row.train_dataset})", "own": " (own weights)"}
    return (origin | {NARROW: " (narrow)"}).get(row.weights, "")


def _by_study(rows: Sequence[Row]) -> list[list[Row]]:
    studies: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        versions = (row.profile, row.data_revision, row.evaluation)
        studies[row.dataset, row.budget, *versions].append(row)
    return [studies[key] for key in sorted(studies)]


def _score_table(
    rows: list[Row], reconstructions: tuple[str, ...], tracks: Sequence[Track]
) -> Table:
    metrics = [metric for name, metric in all_metrics().items() if _has(rows, name)]
    columns = [
        Column(metric.display_name, metric.unit, metric.better, metric.decimals)
        for metric in metrics
    ]
    ranked = ranks(rows, reconstructions)
    systems = sorted({row.system for row in rows}, key=lambda s: (ranked.get(s, math.inf), s))
    head = [Column("System"), *([Column("Rank", decimals=0)] if ranked else [])]
    printed = _printed(rows, reconstructions) if ranked else {}
    if printed:
        columns.insert(1, Column("published", "dB"))
    body = []
    for system in systems:
        values = _values(rows, system)
        cells: list[Cell] = [values.get(metric.name) for metric in metrics]
        if printed:
            cells.insert(1, printed.get(system, ""))
        body.append((system, *([ranked.get(system)] if ranked else []), *cells))
    notes = [_note(rows), _independent(rows)]
    notes += [_said(track) for track in tracks if ranked and _is_of(track, rows[0])]
    note = "; ".join(part for part in notes if part)
    apart = ", reconstructions" if rows[0].system in reconstructions else ""
    return Table(f"{_caption(rows)}{apart}", (*head, *columns), tuple(body), note)


def _caption(rows: Sequence[Row]) -> str:
    first = rows[0]
    flows = ", ".join(sorted({_flow(row) for row in rows if row.flow}))
    caption = f"{first.dataset}, {first.split}, {budget_words([first.budget])}, "
    caption += f"protocol {first.protocol}"
    return caption + (f" (flow: {flows})" if flows else "")


def _flow(row: Row) -> str:
    """The flow estimator with the start of its weights' hash, if it has weights."""
    return f"{row.flow} {row.flow_weights[:8]}" if row.flow_weights else row.flow


def _printed(rows: Sequence[Row], reconstructions: Iterable[str]) -> dict[str, str]:
    """Published PSNR by system, as printed; each value once if there are several sources."""
    known = all_baselines()
    found = {}
    for row in rows:
        name = row.system.removesuffix(_origin(row))
        published_as = known[name].card.published_as if name in known else None
        if row.metric == "psnr" and published_as is not None and name not in reconstructions:
            values = dict.fromkeys(cell.value for cell in printed_beside(row, published_as))
            if values:
                found[row.system] = ", ".join(values)
    return found


def _independent(rows: Sequence[Row]) -> str:
    """Scores of a system by a flow estimator that was not used to train it."""
    return "; ".join(
        f"{row.system} by {_flow(row)}, which did not train it: PSNR {row.value:.2f} dB"
        for row in rows
        if row.metric == "psnr_independent" and row.value is not None
    )


def _is_of(track: Track, row: Row) -> bool:
    one, several = track.contest, len(track.standings) > 1
    mine = (row.dataset, row.data_revision, row.budget, row.profile, row.evaluation, row.protocol)
    return several and mine == (
        one.dataset, one.data_revision, one.budget, one.profile, one.evaluation, one.protocol
    )  # fmt: skip


def _said(track: Track) -> str:
    """Note on the reliability of a track's ranks and differences."""
    parts = [f"no significant difference: {', '.join(group)}" for group in track.alike]
    close = [f"{d.first} and {d.second}" for d in track.differences if d.below_resolution]
    if close:
        parts.append(f"below the dataset's resolution: {', '.join(close)}")
    if track.minimum_detectable is not None:
        parts.append(f"differences from {track.minimum_detectable:.2f} dB on can be detected")
    return "; ".join([*parts, *([track.note] if track.note else [])])


def _cost_table(rows: list[Row]) -> Table:
    systems = sorted({row.system for row in rows})
    body = tuple(
        (system, *(_values(rows, system).get(name) for name in COST_COLUMNS)) for system in systems
    )
    columns = (Column("System"), *COST_COLUMNS.values())
    caption = f"{rows[0].dataset}, {budget_words([rows[0].budget])}: cost of restoring one picture"
    note = "; ".join(part for part in (COUNTED, _note(rows)) if part)
    return Table(caption, columns, body, note)


def _has(rows: list[Row], metric: str) -> bool:
    return any(row.metric == metric for row in rows)


def _values(rows: list[Row], system: str) -> dict[str, float | None]:
    return {row.metric: row.value for row in rows if row.system == system}


def _note(rows: list[Row]) -> str:
    """Note on why cells are empty (each reason once) and which systems have fewer seeds."""
    whole: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.status == "ok":
            continue
        empty = all(r.value is None for r in rows if r.system == row.system)
        everywhere = all(r.value is None for r in rows if r.metric == row.metric)
        subject = row.metric if everywhere and not empty else row.system
        whole[row.status].add(subject)
    trained = [row for row in rows if row.weights in {"trained", NARROW}]
    seeds = max((row.seeds for row in trained), default=0)
    reasons = [f"{', '.join(sorted(names))}: {status}" for status, names in whole.items()]
    fewer = sorted(
        {f"{row.system}: {row.seeds} of {seeds} seeds" for row in trained if row.seeds < seeds}
    )
    return "; ".join([*reasons, *fewer])
