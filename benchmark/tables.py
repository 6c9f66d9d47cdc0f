"""The leaderboard as tables for reports and terminal; where systems are ranked and where not."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from defocus.benchmark.leaderboard import PROTOCOL_ORDER, Row
from defocus.benchmark.metrics.registry import all_metrics
from defocus.benchmark.results import CUSTOM
from defocus.reports.model import Cell, Column, Table

__all__ = ["budget_notice", "budget_words", "cost_tables", "ranks", "score_tables"]

_RANKED_BUDGETS = ("paper",)
_NEVER_RANKED = ("deformed-gt",)

COST_COLUMNS = {
    "params_m": Column("Parameters", "M", None, 2),
    "macs_g": Column("MACs", "G", None, 2),
    "seconds": Column("Time", "s", None, 3),
}

COUNTED = "MACs: convolutions, matrix products and attention; Fourier transforms are not counted"


def budget_notice(budgets: Iterable[str]) -> str:
    """What every table and figure says where a budget cannot compare systems."""
    unranked = set(budgets) - set(_RANKED_BUDGETS)
    return f"{budget_words(unranked)}, not a comparison" if unranked else ""


def budget_words(budgets: Iterable[str]) -> str:
    """Budgets as text: ``demo and quick budget``, ``demo budget and custom schedule``."""
    names = set(budgets)
    words = f"{' and '.join(sorted(names - {CUSTOM}))} budget" if names - {CUSTOM} else ""
    custom = "custom schedule" if CUSTOM in names else ""
    return " and ".join(part for part in (words, custom) if part)


def ranks(rows: Sequence[Row], reconstructions: Iterable[str] = ()) -> dict[str, int]:
    """Ranks by PSNR of the systems of one dataset and protocol, each within its track.

    A track is input, training data, origin of weights and budget. Nothing is ranked under
    ``demo``, ``quick`` and ``custom``, under ``deformed-gt``, no reconstruction is, and nothing
    whose test scenes may have been trained on.

    Args:
        rows: Of one dataset, profile and protocol.
        reconstructions: Names of systems that are not ranked.
    """
    unranked = set(reconstructions)
    tracks: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        may = row.budget in _RANKED_BUDGETS and row.protocol not in _NEVER_RANKED
        may = may and not row.status.startswith("seen: ")
        if may and row.metric == "psnr" and row.value is not None and row.system not in unranked:
            tracks[row.input, row.train_dataset, row.weights, row.budget].append(row)
    ranked: dict[str, int] = {}
    for track in tracks.values():
        ordered = sorted(track, key=lambda row: -(row.value or 0.0))
        ranked |= {row.system: number for number, row in enumerate(ordered, start=1)}
    return ranked


def score_tables(rows: Sequence[Row], reconstructions: Iterable[str] = ()) -> list[Table]:
    """One table per dataset, budget and protocol: a line per system, a column per metric."""
    excluded = tuple(reconstructions)
    return [
        _score_table(part, excluded)
        for study in _by_study(_labelled(rows))
        for protocol in PROTOCOL_ORDER
        if (part := [row for row in study if row.protocol == protocol])
    ]


def cost_tables(rows: Sequence[Row]) -> list[Table]:
    """One table of costs per dataset and budget."""
    return [
        _cost_table([row for row in study if not row.protocol])
        for study in _by_study(_labelled(rows))
    ]


def _labelled(rows: Sequence[Row]) -> list[Row]:
    """Systems with official weights say so: they may stand beside a training of one's own."""
    return [
        replace(row, system=f"{row.system} (official, {row.train_dataset})")
        if row.weights == "official"
        else row
        for row in rows
    ]


def _by_study(rows: Sequence[Row]) -> list[list[Row]]:
    studies: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        studies[row.dataset, row.budget].append(row)
    return [studies[key] for key in sorted(studies)]


def _score_table(rows: list[Row], reconstructions: tuple[str, ...]) -> Table:
    metrics = [metric for name, metric in all_metrics().items() if _has(rows, name)]
    columns = [
        Column(metric.display_name, metric.unit, metric.better, metric.decimals)
        for metric in metrics
    ]
    first = rows[0]
    ranked = ranks(rows, reconstructions)
    systems = sorted({row.system for row in rows}, key=lambda s: (ranked.get(s, math.inf), s))
    head = [Column("System"), *([Column("Rank", decimals=0)] if ranked else [])]
    body = []
    for system in systems:
        values = _values(rows, system)
        lead: list[Cell] = [system, *([ranked.get(system)] if ranked else [])]
        body.append((*lead, *(values.get(metric.name) for metric in metrics)))
    flows = ", ".join(sorted({row.flow for row in rows if row.flow}))
    caption = f"{first.dataset}, {first.split}, {budget_words([first.budget])}, "
    caption += f"protocol {first.protocol}"
    caption += f" (flow: {flows})" if flows else ""
    return Table(caption, (*head, *columns), tuple(body), _note(rows))


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
    """Why cells are empty, each reason once, and which systems have fewer seeds than others."""
    whole: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.status == "ok":
            continue
        empty = all(r.value is None for r in rows if r.system == row.system)
        everywhere = all(r.value is None for r in rows if r.metric == row.metric)
        subject = row.metric if everywhere and not empty else row.system
        whole[row.status].add(subject)
    seeds = max((row.seeds for row in rows), default=0)
    reasons = [f"{', '.join(sorted(names))}: {status}" for status, names in whole.items()]
    fewer = sorted(
        {f"{row.system}: {row.seeds} of {seeds} seeds" for row in rows if 0 < row.seeds < seeds}
    )
    return "; ".join([*reasons, *fewer])
