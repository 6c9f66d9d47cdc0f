"""Results of the benchmark as Markdown tables, CSV and JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import compress
from pathlib import Path
from typing import Any

from defocus.errors import InputError
from defocus.storage.files import write_text
from research.alignment_truth.benchmark import (
    TruthPlan,
    TruthResults,
    TruthSetting,
    settings_of,
)
from research.alignment_truth.failures import count_failures
from research.alignment_truth.methods import REFERENCE
from research.alignment_truth.real_like.score import method_means
from research.alignment_truth.real_like.table import real_like_table
from research.alignment_truth.score import (
    COC_BINS,
    FLOW_BINS,
    PairScore,
    Summary,
    answered_by_all,
    ratio,
    summary,
)
from research.alignment_truth.stacks import stack_means

MARKERS = (
    "<!-- align-benchmark {name}: start -->",
    "<!-- align-benchmark {name}: end -->",
)

COC_COLUMNS = {
    **{f"CoC {low}–{min(high, 40)} px": f"coc {low}-{high}" for low, high in COC_BINS},
    "CoC ≤ 10 px": "coc <= 10",
}
FLOW_COLUMNS = {
    f"flow {low}–{high} px"
    if high < float("inf")
    else f"flow ≥ {low} px": f"flow {low}-{high}"
    for low, high in FLOW_BINS
}
LAST_COLUMNS = {"at depth edges": "edge", "overall": "all"}
BELIEVED_COLUMNS = {"overall": "reliable", "CoC ≤ 10 px": "reliable, coc <= 10"}


def document(plan: TruthPlan, results: TruthResults) -> dict[str, Any]:
    """All summaries as one JSON document."""
    return {
        "split": plan.split,
        "seed": plan.seed,
        "settings": {
            setting.name: {
                "pairs": setting.count,
                "size": setting.size,
                "ranges": asdict(setting.ranges),
                "methods": _summaries(results.scores[setting.name]),
            }
            for setting in settings_of(plan)
        },
        "registration": asdict(count_failures(results.trials))
        if results.trials
        else None,
        "registration_of_still_pairs": {
            name: asdict(count_failures(trials))
            for name, trials in results.still_trials.items()
            if trials
        },
        "stacks": stack_means(results.frames) if results.frames else None,
        "real_like": {
            name: asdict(means)
            for name, means in method_means(results.real_like).items()
        },
    }


def _summaries(scores: Mapping[str, Sequence[PairScore]]) -> dict[str, Any]:
    common = _compared(scores)
    return {
        name: {
            **asdict(summary(pairs)),
            "pairs": len(scores[name]),
            "answered": sum(one.answered for one in scores[name]),
            "compared": len(pairs),
            "times_better_than_dis": (
                ratio(common[REFERENCE], pairs) if REFERENCE in common else None
            ),
        }
        for name, pairs in common.items()
    }


def _compared(
    scores: Mapping[str, Sequence[PairScore]],
    *,
    answered: bool = True,
) -> dict[str, list[PairScore]]:
    """The scores of the pairs that every method answered, or of the other pairs."""
    chosen = [one is answered for one in answered_by_all(scores)]
    return {name: list(compress(pairs, chosen)) for name, pairs in scores.items()}


def csv_rows(results: TruthResults) -> str:
    """One row for each setting, pair and method, as CSV."""
    every: list[PairScore] = []
    for methods in results.scores.values():
        for pairs in methods.values():
            every += pairs
    names = list(dict.fromkeys(name for one in every for name in one.sums))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = ["setting", "pair", "method", "answered", "seconds", "reliable_share"]
    writer.writerow([*head, *(f"{name} px" for name in names)])
    for setting, methods in results.scores.items():
        for method, pairs in methods.items():
            for index, one in enumerate(pairs):
                start = [setting, index, method, one.answered, f"{one.seconds:.3f}"]
                cells = [
                    _number(one.reliable_share, 4),
                    *(_number(one.mean(n), 4) for n in names),
                ]
                writer.writerow([*start, *cells])
    return stream.getvalue()


def sections(plan: TruthPlan, results: TruthResults) -> dict[str, str]:
    """The tables by the name of their place on a page: real-like pairs, and all others."""
    parts: list[str] = []
    for setting in settings_of(plan):
        parts += _setting_tables(setting, results)
    if results.trials:
        parts.append(_failures(results))
    if results.frames:
        parts.append(_stacks(results))
    lines = (
        {f"{plan.split} real-like": real_like_table(results.real_like)}
        if plan.real_like
        else {}
    )
    return lines | ({plan.split: "\n\n".join(parts)} if parts else {})


def put_into(page: Path, tables: Mapping[str, str]) -> None:
    """Replace the text between the markers of each name on a page."""
    try:
        text = page.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{page}: no such page; give one with the markers") from error
    for name, table in tables.items():
        first, last = (marker.format(name=name) for marker in MARKERS)
        before, start, rest = text.partition(first)
        _, end, after = rest.partition(last)
        if not start or not end:
            raise InputError(
                f"{page}: put the lines '{first}' and '{last}' where the tables belong"
            )
        text = f"{before}{first}\n\n{table}\n\n{last}{after}"
    write_text(page, text)


def _setting_tables(setting: TruthSetting, results: TruthResults) -> list[str]:
    scores = results.scores[setting.name]
    common = _compared(scores)
    sums = {name: summary(pairs) for name, pairs in common.items()}
    compared = len(next(iter(common.values())))
    height, width = setting.size
    title = f"### {setting.count} {setting.name}, {width} × {height} px"
    notes = [
        f"Means over the {compared} pairs that every method answered.",
        _others(scores),
    ]
    columns = {**COC_COLUMNS, **LAST_COLUMNS}
    head = [
        "mean end-point error, px",
        "answered",
        *columns,
        "times better than DIS",
        "CPU s",
    ]
    rows = _rows(setting, sums, scores, columns, common)
    tables = [title, " ".join(filter(None, notes)), _table(head, rows)]
    if setting.ranges.shift_px > 0:
        tables.append(_flow_table(sums))
    return [*tables, *_believed(sums)]


def _flow_table(sums: Mapping[str, Summary]) -> str:
    """Errors of each method by the length of the flow."""
    rows = []
    for name, one in sums.items():
        means = [_number(one.mean_px.get(key)) for key in FLOW_COLUMNS.values()]
        rows.append([name, *means])
    return _table(["mean end-point error, px", *FLOW_COLUMNS], rows)


def _rows(
    setting: TruthSetting,
    sums: Mapping[str, Summary],
    scores: Mapping[str, Sequence[PairScore]],
    columns: dict[str, str],
    common: Mapping[str, list[PairScore]],
) -> list[list[str]]:
    """A row for each method."""
    return [
        [
            name,
            f"{sum(pair.answered for pair in scores[name])}/{setting.count}",
            *(_number(one.mean_px.get(key)) for key in columns.values()),
            _number(
                ratio(common[REFERENCE], common[name]) if REFERENCE in common else None
            ),
            _number(one.seconds),
        ]
        for name, one in sums.items()
    ]


def _others(scores: Mapping[str, Sequence[PairScore]]) -> str:
    """Errors on the pairs that some method did not answer, for those that answered all."""
    others = _compared(scores, answered=False)
    means = []
    for name, pairs in others.items():
        if pairs and all(pair.answered for pair in pairs):
            mean_px = summary(pairs).mean_px.get("all")
            means.append(f"{name} {_number(mean_px)}")
    return (
        f"Overall errors on the other pairs, px: {', '.join(means)}." if means else ""
    )


def _believed(sums: Mapping[str, Summary]) -> list[str]:
    """Table of scores on reliable pixels; empty if no method marks any."""
    telling = {
        name: one for name, one in sums.items() if one.reliable_share is not None
    }
    if not telling:
        return []
    head = [
        "on reliable pixels, px",
        *BELIEVED_COLUMNS,
        "reliable share",
        "without counterpart",
        "pairs under 0.5 px",
    ]
    rows = [
        [
            name,
            *(_number(one.mean_px.get(key)) for key in BELIEVED_COLUMNS.values()),
            _percent(one.reliable_share),
            _percent(one.believed_without),
            _percent(one.right_share),
        ]
        for name, one in telling.items()
    ]
    return [_table(head, rows)]


def _failures(results: TruthResults) -> str:
    bins = {"0–10 px": (0, 10), "10–20 px": (10, 20), "20–40 px": (20, 41)}
    trials = results.trials
    parts = {"all": trials}
    for label, (low, high) in bins.items():
        parts[label] = [one for one in trials if low <= one.largest_coc_px < high]
    for name, still in results.still_trials.items():
        parts[f"still pairs, {name}"] = still
    rows = []
    for label, chosen in parts.items():
        if not chosen:
            continue
        count = count_failures(chosen)
        row = [
            label,
            str(count.pairs),
            _percent(count.unknown / count.pairs),
            str(count.failed),
            _percent(count.bound, 2),
            _number(count.median_px),
            _percent(count.within),
        ]
        rows.append(row)
    head = [
        "largest CoC",
        "pairs",
        "`unknown`",
        "silent failures",
        "95 % bound",
        "median corner error, px",
        "within 2 σ",
    ]
    title = f"### Silent failures of the global registration in {len(trials)} pairs"
    return f"{title}\n\n{_table(head, rows)}"


def _stacks(results: TruthResults) -> str:
    means = stack_means(results.frames)
    compared = next(iter(means.values()))["compared"]
    rows = [
        [
            name,
            f"{mean['answered']}/{mean['frames']}",
            _number(mean["psnr_db"]),
            _number(mean["in_focus_db"]),
            _number(mean["residual_px"]),
        ]
        for name, mean in means.items()
    ]
    names = ", ".join(dict.fromkeys(frame.stack for frame in results.frames))
    head = [
        "method",
        "answered",
        "PSNR, dB",
        "PSNR in focus, dB",
        "residual of the tiles, px",
    ]
    note = f"Means over the {compared} frames that every method answered."
    return (
        f"### Real focus stacks ({names}), half size\n\n{note}\n\n{_table(head, rows)}"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f} %"
