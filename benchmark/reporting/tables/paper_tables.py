"""Tables for papers, one function per style."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.tables import COST_COLUMNS, budget_notice
from defocus.benchmark.metric.registry import all_metrics
from defocus.benchmark.reporting.content import (
    Content,
    ReportSetting,
    TrackKey,
    by_track,
    display_name,
    is_reference,
    main_protocol,
    protocols,
    ranks,
    setting_names,
    setting_of,
    settings,
)
from defocus.benchmark.results.store import NARROW
from defocus.reports.latex import ColumnGroup, PaperTable
from defocus.reports.model import Column, Measured
from defocus.reports.text import csv_text, number_text

__all__ = ["STYLES", "paper_csv", "paper_tables"]

METRICS = ("psnr", "ssim", "mae", "lpips")
"""The columns that the field's papers have; of others there is ``export``."""

PLACES = {"psnr_indoor": "Indoor", "psnr_outdoor": "Outdoor", "psnr": "Combined"}

Place = tuple[ReportSetting, str, str]
"""Setting, protocol (empty for costs) and metric of a column."""

Layout = Callable[[dict[ReportSetting, list[Row]]], list[tuple[str, list[tuple[str, list[Place]]]]]]
"""From a study's rows to its tables: a caption, and for each group its name and columns."""


def paper_tables(content: Content, style: str) -> list[PaperTable]:
    """Make the tables of one style.

    Args:
        content: The study.
        style: One of :data:`STYLES`.

    Returns:
        Tables with a row per system, separate for tracks and for reconstructions; empty if the
        study has no such numbers.
    """
    layout, words = STYLES[style]
    notice = budget_notice(row.budget for row in content.rows)
    tables = []
    for apart in (False, True):
        rows = [row for row in content.rows if (row.system in content.reconstructions) is apart]
        found = settings(rows)
        for number, (caption, groups) in enumerate(layout(found), start=1):
            caption, label = f"{words}{caption}", f"tab:{style}-{number}"
            if apart:
                caption, label = f"{caption}, reconstructions", f"{label}-rebuilt"
            tables.append(_table(content, found, caption, label, groups, notice))
    return tables


def paper_csv(tables: Sequence[PaperTable]) -> str:
    """Write tables as CSV, one below the other with captions; numbers are rounded as in print."""
    lines: list[Sequence[str | Decimal | None]] = []
    for number, table in enumerate(tables):
        heads = [f"{g.name} {c.name}".strip() for g in table.groups for c in g.columns]
        lines += [[]] if number else []
        lines += [[f"{table.caption}. {table.note}".strip()], ["System", *heads]]
        for name, cells in table.rows:
            printed = [
                None
                if cell is None or cell.value is None
                else Decimal(f"{cell.value:.{column.decimals}f}")
                for cell, column in zip(cells, table.columns, strict=True)
            ]
            lines.append([name, *printed])
    return csv_text(lines)


def _names(found: dict[ReportSetting, list[Row]]) -> dict[ReportSetting, str]:
    return setting_names([row for rows in found.values() for row in rows])


def _methods(
    found: dict[ReportSetting, list[Row]],
) -> list[tuple[str, list[tuple[str, list[Place]]]]]:
    """One table per dataset and protocol: the field's four metrics."""
    names = _names(found)
    return [
        (f"{names[setting]}, protocol {name}", [("", columns)])
        for setting, rows in found.items()
        for name in protocols(rows)
        if (columns := _columns(setting, name, rows))
    ]


def _protocols(
    found: dict[ReportSetting, list[Row]],
) -> list[tuple[str, list[tuple[str, list[Place]]]]]:
    """One table per dataset: the protocols side by side."""
    names = _names(found)
    tables = []
    for setting, rows in found.items():
        groups = [(name, _columns(setting, name, rows)) for name in protocols(rows)]
        tables.append((names[setting], [(name, columns) for name, columns in groups if columns]))
    return tables


def _datasets(
    found: dict[ReportSetting, list[Row]],
) -> list[tuple[str, list[tuple[str, list[Place]]]]]:
    """One table: the datasets side by side, each under its profile's own protocol."""
    groups = []
    names = _names(found)
    for setting, rows in found.items():
        protocol = main_protocol(setting, rows)
        if protocol:
            name = f"{names[setting]} ({protocol}, {setting.budget})"
            groups.append((name, _columns(setting, protocol, rows)))
    return [(f"{len(groups)} evaluations", groups)] if groups else []


def _places(
    found: dict[ReportSetting, list[Row]],
) -> list[tuple[str, list[tuple[str, list[Place]]]]]:
    """One table per dataset: PSNR indoors, outdoors and of both."""
    tables = []
    names = _names(found)
    for setting, rows in found.items():
        protocol = main_protocol(setting, rows)
        known = {r.metric for r in rows if r.protocol == protocol and r.value is not None}
        if {"psnr_indoor", "psnr_outdoor"} <= known:
            groups = [(words, [(setting, protocol, name)]) for name, words in PLACES.items()]
            tables.append((f"{names[setting]}, protocol {protocol}", groups))
    return tables


def _costs(
    found: dict[ReportSetting, list[Row]],
) -> list[tuple[str, list[tuple[str, list[Place]]]]]:
    """One table per dataset: quality and cost."""
    tables = []
    names = _names(found)
    for setting, rows in found.items():
        protocol = main_protocol(setting, rows)
        quality: list[Place] = [(setting, protocol, "psnr"), (setting, protocol, "ssim")]
        costs: list[Place] = [(setting, "", name) for name in COST_COLUMNS]
        if protocol:
            groups = [("Quality", quality), ("Cost", costs)]
            tables.append((f"{names[setting]}, protocol {protocol}", groups))
    return tables


STYLES: dict[str, tuple[Layout, str]] = {
    "methods": (_methods, "Restoration on "),
    "protocols": (_protocols, "Restoration by protocol on "),
    "datasets": (_datasets, "Restoration by dataset, "),
    "places": (_places, "PSNR by place on "),
    "costs": (_costs, "Quality and cost on "),
}
"""Layout and begin of the caption by name."""


def _columns(setting: ReportSetting, protocol: str, rows: Sequence[Row]) -> list[Place]:
    known = {row.metric for row in rows if row.protocol == protocol and row.value is not None}
    return [(setting, protocol, name) for name in METRICS if name in known]


def _table(
    content: Content,
    found: dict[ReportSetting, list[Row]],
    caption: str,
    label: str,
    groups: list[tuple[str, list[Place]]],
    notice: str,
) -> PaperTable:
    places = [place for _, part in groups for place in part]
    shown = [
        row for setting in dict.fromkeys(place[0] for place in places) for row in found[setting]
    ]
    rows: list[tuple[str, tuple[Measured | None, ...]]] = []
    parts = []
    references = [row for row in shown if is_reference(content, row.system)]
    others = [row for row in shown if not is_reference(content, row.system)]
    for key, part in [*by_track(references), *by_track(others)]:
        parts.append(len(rows))
        names = sorted({row.system for row in part})
        columns = [_column(content, place, key, part, names) for place in places]
        rows += [(_label(content, key, name), tuple(c[name] for c in columns)) for name in names]
    return PaperTable(
        caption,
        label,
        tuple(ColumnGroup(name, tuple(_head(place) for place in part)) for name, part in groups),
        tuple(rows),
        tuple(parts[1:]),
        f"{notice[:1].upper()}{notice[1:]}." if notice else "",
    )


def _label(content: Content, key: TrackKey, system: str) -> str:
    """The system's name, with the origin of its weights if the study did not train them."""
    name = display_name(content, system)
    origin = {"official": f" (official, {key.train_dataset})", "own": " (own weights)"}
    return name + (origin | {NARROW: " (narrow)"}).get(key.weights, "")


def _head(place: Place) -> Column:
    _, protocol, metric = place
    if not protocol:
        column = COST_COLUMNS[metric]
        return Column(f"{column.name} ({column.unit})", "", "lower", column.decimals)
    known = all_metrics().get(metric, all_metrics()["psnr"])
    return Column(known.display_name, known.unit, known.better, known.decimals)


def _column(
    content: Content, place: Place, key: TrackKey, rows: Sequence[Row], names: Sequence[str]
) -> dict[str, Measured | None]:
    """The numbers of one column and track, with the best two marked if ranking is allowed."""
    setting, protocol, metric = place
    values = {
        row.system: row.value
        for row in rows
        if (row.protocol, row.metric) == (protocol, metric) and setting_of(row) == setting
    }
    ranked = ranks(content, setting, protocol, key) if protocol else {}
    head = _head(place)
    steps = sorted({_printed(values[s], head) for s in ranked if values.get(s) is not None})
    steps = steps[::-1][:2] if head.better == "higher" else steps[:2]
    marks: dict[float, Literal[1, 2]] = {}
    if len(ranked) > 1:
        marks = {step: 1 if number == 0 else 2 for number, step in enumerate(steps)}
    found: dict[str, Measured | None] = {}
    for name in names:
        value = values.get(name)
        mark = marks.get(_printed(value, head)) if name in ranked and value is not None else None
        found[name] = None if value is None else Measured(value, place=mark)
    return found


def _printed(value: float | None, column: Column) -> float:
    """A number as printed; systems with equal printed numbers share a mark."""
    return float(number_text(value, column.decimals).replace("−", "-"))
