"""The report's page, filled from a study's results and the files of its runs."""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from defocus.benchmark.leaderboard import Row, current_entries
from defocus.benchmark.results import Entry, Results
from defocus.benchmark.run_folder import CURVE, run_folder
from defocus.benchmark.tables import budget_notice, budget_words, cost_tables, score_tables
from defocus.images import read_image
from defocus.reports.model import Curve, Curves, Facts, Page, Paragraph, Part, Slider

__all__ = ["build_page"]

_CURVE_POINTS = 200
"""A training curve is thinned to about this many points, each the mean of its stretch."""


def build_page(out: Path, results: Results, rows: Sequence[Row]) -> Page:
    """The report of a study.

    Args:
        out: Folder of the study.
        results: Its store.
        rows: Its leaderboard.
    """
    groups = current_entries(results)
    shown = [group[0] for group in groups if group[0].scored]
    notice = budget_notice(row.budget for row in rows)
    sections: list[tuple[str, tuple[Part, ...]]] = [
        ("Leaderboard", (*_introduction(rows), *_score_parts(rows, groups))),
        ("Costs", tuple(cost_tables(rows))),
    ]
    if sliders := _sliders(out, shown):
        sections.append(("Pictures", tuple(sliders)))
    if curves := _training_curves(out, shown):
        sections.append(("Training", tuple(curves)))
    sections.append(("Settings and provenance", tuple(_provenance(out, groups))))
    return Page("Defocus deblurring benchmark", notice, tuple(sections), _summary(rows))


def _summary(rows: Sequence[Row]) -> str:
    """What was compared on what, in one line; empty where nothing has finished."""
    if not rows:
        return ""
    systems = len({row.system for row in rows})
    images, scenes = (max(getattr(row, name) for row in rows) for name in ("images", "scenes"))
    datasets = ", ".join(sorted({row.dataset for row in rows}))
    budgets = budget_words({row.budget for row in rows})
    return f"{systems} systems on {images} pictures of {scenes} scenes: {datasets}; {budgets}"


def _introduction(rows: Sequence[Row]) -> list[Part]:
    if not rows:
        return [Paragraph("No run has finished yet.")]
    budgets = {row.budget for row in rows}
    if budget_notice(budgets):
        return [
            Paragraph(
                f"Trained under the {budget_words(budgets)}: systems stand in "
                "alphabetical order, nothing is ranked or marked as best, and the numbers must "
                "not be compared with published ones."
            )
        ]
    return [
        Paragraph(
            "Ranks are by PSNR within one track: input, training data, origin of weights, budget."
        )
    ]


def _score_parts(rows: Sequence[Row], groups: list[list[Entry]]) -> list[Part]:
    return list(score_tables(rows, [g[0].system for g in groups if g[0].reconstruction]))


def _sliders(out: Path, entries: list[Entry]) -> list[Slider]:
    """One slider per kept test picture: blurry, each system's, sharp."""
    sliders = []
    for dataset in sorted({entry.dataset for entry in entries}):
        part = [entry for entry in entries if entry.dataset == dataset]
        pairs = sorted({path.name.removesuffix(".blurry.png") for path in _kept(out, part)})
        sliders += [
            slider for pair in pairs if (slider := _slider(out, dataset, pair, part)) is not None
        ]
    return sliders


def _kept(out: Path, entries: list[Entry]) -> list[Path]:
    return [p for e in entries for p in (run_folder(out, e.run) / "images").glob("*.blurry.png")]


def _slider(out: Path, dataset: str, pair: str, entries: list[Entry]) -> Slider | None:
    first = run_folder(out, entries[0].run) / "images"
    files = [("blurry", first / f"{pair}.blurry.png")]
    files += [
        (_label(entry, entries), run_folder(out, entry.run) / "images" / f"{pair}.restored.png")
        for entry in entries
        if entry.system != "input"
    ]
    files.append(("sharp", first / f"{pair}.sharp.png"))
    states = [(label, read_image(path).astype("uint8")) for label, path in files if path.exists()]
    sizes = {picture.shape for _, picture in states}
    if len(states) < 2 or len(sizes) != 1:
        return None
    return Slider(f"{dataset}, {pair}", tuple(states))


def _label(entry: Entry, entries: list[Entry]) -> str:
    """The system's name, with its budget where the study has several."""
    several = len({other.budget for other in entries}) > 1
    return f"{entry.system} ({entry.budget})" if several else entry.system


def _training_curves(out: Path, entries: list[Entry]) -> list[Curves]:
    curves = []
    for entry in entries:
        points = _read_losses(run_folder(out, entry.run) / CURVE)
        if len(points) >= 2:
            steps, losses = zip(*_thinned(points), strict=True)
            curves.append(Curve(_label(entry, entries), tuple(steps), tuple(losses)))
    if not curves:
        return []
    positive = all(loss > 0 for curve in curves for loss in curve.y)
    return [Curves("Training loss by step", "step", "loss", tuple(curves), log_y=positive)]


def _read_losses(path: Path) -> list[tuple[float, float]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        return [(float(row["step"]), float(row["loss"])) for row in csv.DictReader(handle)]


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    stretch = math.ceil(len(points) / _CURVE_POINTS)
    parts = [points[start : start + stretch] for start in range(0, len(points), stretch)]
    return [(part[-1][0], math.fsum(loss for _, loss in part) / len(part)) for part in parts]


def _provenance(out: Path, groups: list[list[Entry]]) -> list[Facts]:
    facts = []
    for entry in (entry for group in groups for entry in group):
        path = run_folder(out, entry.run) / "run.json"
        document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        lines = [("status", entry.status), *_flattened(document)]
        facts.append(Facts(f"{entry.system}: {entry.run}", tuple(lines)))
    return facts


def _flattened(document: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested JSON objects as ``a.b`` names and text."""
    lines: list[tuple[str, str]] = []
    for key, value in document.items():
        if isinstance(value, dict):
            lines += _flattened(value, f"{prefix}{key}.")
        elif value is not None:
            lines.append((f"{prefix}{key}", str(value)))
    return lines
