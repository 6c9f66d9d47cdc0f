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
    PairScore,
    Summary,
    answered_by_all,
    classes_of,
    ratio,
    summary,
)
from research.alignment_truth.stacks import stack_means
from research.markdown import number_or_dash, put_between, table

Scores = Mapping[str, Sequence[PairScore]]
"""Scores of each method, in the order of the pairs."""

MARKERS = (
    "<!-- align-benchmark {name}: start -->",
    "<!-- align-benchmark {name}: end -->",
)

COC_COLUMNS = {
    "CoC 0–4 px": "coc 0-4",
    "CoC 4–10 px": "coc 4-10",
    "CoC 10–20 px": "coc 10-20",
    "CoC 20–40 px": "coc 20-41",
    "CoC ≤ 10 px": "coc <= 10",
}
"""Columns of the tables by the circle of confusion, with their classes of COC_BINS."""
FLOW_COLUMNS = {
    "flow 0–4 px": "flow 0-4",
    "flow 4–12 px": "flow 4-12",
    "flow 12–24 px": "flow 12-24",
    "flow ≥ 24 px": "flow 24-inf",
}
CSV_HEAD = (
    "setting",
    "pair",
    "method",
    "answered",
    "seconds",
    "reliable_share",
)
LAST_COLUMNS = {"at depth edges": "edge", "overall": "all"}
FAILURE_BINS = {
    "0–10 px": (0, 10),
    "10–20 px": (10, 20),
    "20–40 px": (20, 41),
}
"""Ranges of the largest circle of confusion of a pair, px."""
BELIEVED_COLUMNS = {"overall": "reliable", "CoC ≤ 10 px": "reliable, coc <= 10"}


def document(plan: TruthPlan, results: TruthResults) -> dict[str, Any]:
    """All summaries as one JSON document."""
    settings = {}
    for setting in settings_of(plan):
        settings[setting.name] = {
            "pairs": setting.count,
            "size": setting.size,
            "ranges": asdict(setting.ranges),
            "methods": _summaries(results.scores[setting.name]),
        }
    still = {}
    for name, trials in results.still_trials.items():
        if trials:
            still[name] = asdict(count_failures(trials))
    real_like = {}
    for name, means in method_means(results.real_like).items():
        real_like[name] = asdict(means)
    registration = None
    if results.trials:
        registration = asdict(count_failures(results.trials))
    return {
        "split": plan.split,
        "seed": plan.seed,
        "settings": settings,
        "registration": registration,
        "registration_of_still_pairs": still,
        "stacks": stack_means(results.frames) if results.frames else None,
        "real_like": real_like,
    }


def _summaries(scores: Scores) -> dict[str, Any]:
    common = _compared(scores)
    summaries = {}
    for name, pairs in common.items():
        summaries[name] = {
            **asdict(summary(pairs)),
            "pairs": len(scores[name]),
            "answered": _answered(scores[name]),
            "compared": len(pairs),
            "times_better_than_dis": _times_better(common, name),
        }
    return summaries


def _answered(pairs: Sequence[PairScore]) -> int:
    """Number of pairs that a method answered."""
    return sum(pair.answered for pair in pairs)


def _times_better(common: Scores, name: str) -> float | None:
    """The reference's error over that of a method; None if the reference was not run."""
    if REFERENCE not in common:
        return None
    return ratio(common[REFERENCE], common[name])


def _compared(
    scores: Scores,
    *,
    answered: bool = True,
) -> dict[str, list[PairScore]]:
    """The scores of the pairs that every method answered, or of the other pairs."""
    chosen = [one is answered for one in answered_by_all(scores)]
    compared = {}
    for name, pairs in scores.items():
        compared[name] = list(compress(pairs, chosen))
    return compared


def csv_rows(results: TruthResults) -> str:
    """One row for each setting, pair and method, as CSV."""
    every: list[PairScore] = []
    for methods in results.scores.values():
        for pairs in methods.values():
            every += pairs
    names = classes_of(every)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    means = [f"{name} px" for name in names]
    writer.writerow([*CSV_HEAD, *means])
    for setting, methods in results.scores.items():
        for method, pairs in methods.items():
            for index, pair in enumerate(pairs):
                writer.writerow([setting, index, method, *_csv_cells(pair, names)])
    return stream.getvalue()


def _csv_cells(pair: PairScore, names: Sequence[str]) -> list[object]:
    """A pair's score by a method, and its mean error in each class."""
    means = [number_or_dash(pair.mean(name), 4) for name in names]
    reliable = number_or_dash(pair.reliable_share, 4)
    return [pair.answered, f"{pair.seconds:.3f}", reliable, *means]


def sections(plan: TruthPlan, results: TruthResults) -> dict[str, str]:
    """The tables by the name of their place on a page: real-like pairs, and all others."""
    parts: list[str] = []
    for setting in settings_of(plan):
        parts += _setting_tables(setting, results)
    if results.trials:
        parts.append(_failures(results))
    if results.frames:
        parts.append(_stacks(results))
    tables = {}
    if plan.real_like:
        tables[f"{plan.split} real-like"] = real_like_table(results.real_like)
    if parts:
        tables[plan.split] = "\n\n".join(parts)
    return tables


def put_into(page: Path, tables: Mapping[str, str]) -> None:
    """Replace the text between the markers of each name on a page."""
    try:
        text = page.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{page}: no such page; give one with the markers") from error
    for name, lines in tables.items():
        first, last = (marker.format(name=name) for marker in MARKERS)
        _, start, rest = text.partition(first)
        if not start or last not in rest:
            raise InputError(
                f"{page}: put the lines '{first}' and '{last}' where the tables belong"
            )
        text = put_between(text, first, last, f"{lines}\n")
    write_text(page, text)


def _setting_tables(setting: TruthSetting, results: TruthResults) -> list[str]:
    scores = results.scores[setting.name]
    common = _compared(scores)
    sums = {name: summary(pairs) for name, pairs in common.items()}
    compared = len(next(iter(common.values())))
    title, note = _title_and_note(setting, scores, compared)
    columns = {**COC_COLUMNS, **LAST_COLUMNS}
    head = [
        "mean end-point error, px",
        "answered",
        *columns,
        "times better than DIS",
        "CPU s",
    ]
    rows = []
    for name, one in sums.items():
        answered = f"{_answered(scores[name])}/{setting.count}"
        better = number_or_dash(_times_better(common, name))
        means = _means(one, columns)
        rows.append([name, answered, *means, better, number_or_dash(one.seconds)])
    tables = [title, note, table(head, rows)]
    if setting.ranges.shift_px > 0:
        tables.append(_flow_table(sums))
    return [*tables, *_believed(sums)]


def _title_and_note(
    setting: TruthSetting,
    scores: Scores,
    compared: int,
) -> tuple[str, str]:
    """The heading of a setting, and what its table is about."""
    height, width = setting.size
    title = f"### {setting.count} {setting.name}, {width} × {height} px"
    note = f"Means over the {compared} pairs that every method answered."
    others = _others(scores)
    return title, f"{note} {others}".rstrip()


def _means(scores: Summary, columns: Mapping[str, str]) -> list[str]:
    """The mean error of each class that has a column."""
    return [number_or_dash(scores.mean_px.get(name)) for name in columns.values()]


def _flow_table(sums: Mapping[str, Summary]) -> str:
    """Errors of each method by the length of the flow."""
    rows = []
    for name, one in sums.items():
        means = _means(one, FLOW_COLUMNS)
        rows.append([name, *means])
    return table(["mean end-point error, px", *FLOW_COLUMNS], rows)


def _others(scores: Scores) -> str:
    """Errors on the pairs that some method did not answer, for those that answered all."""
    others = _compared(scores, answered=False)
    means = []
    for name, pairs in others.items():
        if pairs and all(pair.answered for pair in pairs):
            mean_px = summary(pairs).mean_px.get("all")
            means.append(f"{name} {number_or_dash(mean_px)}")
    if not means:
        return ""
    return f"Overall errors on the other pairs, px: {', '.join(means)}."


def _believed(sums: Mapping[str, Summary]) -> list[str]:
    """Table of scores on reliable pixels; empty if no method marks any."""
    rows = []
    for name, one in sums.items():
        if one.reliable_share is None:
            continue
        cells = [
            name,
            *_means(one, BELIEVED_COLUMNS),
            _percent(one.reliable_share),
            _percent(one.believed_without),
            _percent(one.right_share),
        ]
        rows.append(cells)
    if not rows:
        return []
    head = [
        "on reliable pixels, px",
        *BELIEVED_COLUMNS,
        "reliable share",
        "without counterpart",
        "pairs under 0.5 px",
    ]
    return [table(head, rows)]


def _failures(results: TruthResults) -> str:
    trials = results.trials
    parts = {"all": trials}
    for label, (low, high) in FAILURE_BINS.items():
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
            number_or_dash(count.median_px),
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
    return f"{title}\n\n{table(head, rows)}"


def _stacks(results: TruthResults) -> str:
    means = stack_means(results.frames)
    compared = next(iter(means.values()))["compared"]
    rows = []
    for name, mean in means.items():
        answered = f"{mean['answered']}/{mean['frames']}"
        measured = ("psnr_db", "in_focus_db", "residual_px")
        numbers = [number_or_dash(mean[field]) for field in measured]
        rows.append([name, answered, *numbers])
    stacks = [frame.stack for frame in results.frames]
    names = ", ".join(dict.fromkeys(stacks))
    head = [
        "method",
        "answered",
        "PSNR, dB",
        "PSNR in focus, dB",
        "residual of the tiles, px",
    ]
    note = f"Means over the {compared} frames that every method answered."
    return (
        f"### Real focus stacks ({names}), half size\n\n{note}\n\n{table(head, rows)}"
    )


def _percent(share: float | None, digits: int = 1) -> str:
    if share is None:
        return "–"
    return f"{100 * share:.{digits}f} %"
