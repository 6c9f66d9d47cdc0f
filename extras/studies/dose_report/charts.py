"""Charts of a study by dose: gain by dose and by part of the picture, and trust in scores."""

import math
from collections.abc import Mapping, Sequence

from defocus.extras.studies.dose.claims import (
    doses_px_of,
    labels_of,
    line_by_dose,
    line_of,
    lines_of,
    protocols_of,
)
from defocus.extras.studies.dose_report.words import INPUT, Document, study_words
from defocus.progress import counted
from defocus.reports.display import number_text
from defocus.reports.model import Curve, Curves

MOST_CURVES = 12
"""Largest number of curves: six colours, whole and dashed. More curves could not be
distinguished."""

PART_NAMES = {
    "psnr_edges": "edges",
    "psnr_flat": "flat parts",
    "psnr_blurred": "blurred",
    "psnr_coc_0_2": "in focus (0–2 px)",
    "psnr_coc_2_4": "2–4 px",
    "psnr_coc_4_8": "4–8 px",
    "psnr_coc_8_16": "8–16 px",
    "psnr_coc_16_up": "≥ 16 px",
}
"""Parts of a picture, the last ones by diameter of the circle of confusion.

``psnr_in_focus`` is not among them: it is ``psnr_coc_0_2``.
"""

TOLD_BY_CIRCLE = {"psnr_blurred"}
"""Parts that are not drawn, because the circles of 2 px and more already show them."""

TAU_WORDS = (
    "Kendall's tau between the order in which a protocol ranks the lines and that of the truth. 1: "
    "it ranks the trainings as the truth does; −1: the reverse. Bars are 95 % intervals. Official "
    "grid: with the warp of the released code, half a pixel off at the borders."
)

Estimate = Mapping[str, float]
NOT_KNOWN = {
    "value": math.nan,
    "low": math.nan,
    "high": math.nan,
}


def dose_chart(document: Document) -> Curves:
    """Gain of each line over the blurry input by dose, with intervals.

    Of many lines the central ones are shown, and those with the largest gains."""
    doses = sorted(doses_px_of(document))
    shown = _charted(document, MOST_CURVES)
    floor = _floor(document, shown)
    curves = []
    for label in shown:
        estimates = _estimates(document, label)
        if _reaches(estimates, floor):
            points = [(doses.index(dose), one) for dose, one in estimates]
            curves.append(_curve(label, points))
    said = [study_words(document), _below(document, floor), _left_out(document, shown)]
    return Curves(
        "Gain over the blurry input by dose of misalignment",
        "dose of misalignment, px",
        "gain over the blurry input, dB",
        tuple(curves),
        floor=floor,
        apart=True,
        places=tuple(map("{:g}".format, doses)),
        note=" ".join(filter(None, said)),
    )


def part_charts(document: Document) -> dict[float, Curves]:
    """By dose, px: gain of each line over the plain loss by part of the picture, with intervals."""
    labels = [*_charted(document, MOST_CURVES - 1), *_references(document)]
    note = (
        f"{study_words(document)} Where a line lies below the blurry input, training made the "
        "picture worse than it was. Edges: the tenth of the pixels where the truth's brightness "
        "changes most; flat parts: all others. Circle of confusion: its diameter; in focus: below "
        "2 px. "
        f"{_left_out(document, labels)}"
    )
    charts = {}
    for one in document["doses"]:
        parts = shown_parts(one, "over_plain")
        if not parts:
            continue
        curves = []
        for label in labels:
            line = line_of(one, label)
            if line is not None:
                curves.append(_part_curve(line, parts))
        at_dose = f"dose {one['dose_px']:g} px"
        charts[one["dose_px"]] = Curves(
            f"Gain by part of the picture, {at_dose}",
            "part of the picture, or circle of confusion",
            f"gain over the plain loss, {at_dose}, dB",
            tuple(curves),
            apart=True,
            places=tuple(PART_NAMES[part].partition(" (")[0] for part in parts),
            note=note.strip(),
        )
    return charts


def trust_chart(document: Document) -> Curves:
    """Kendall's tau of each protocol by dose, with intervals."""
    doses = sorted(document["doses"], key=lambda one: float(one["dose_px"]))
    curves = []
    for protocol in protocols_of(doses):
        points = []
        for place, one in enumerate(doses):
            tau = one["tau"].get(protocol)
            if tau is not None:
                points.append((place, tau))
        if points:
            curves.append(_curve(protocol, points))
    return Curves(
        "Does a score rank the trainings as the truth does?",
        "dose of misalignment, px",
        "Kendall's tau",
        tuple(curves),
        apart=True,
        places=tuple(f"{one['dose_px']:g}" for one in doses),
        note=TAU_WORDS,
    )


def _charted(document: Document, most: int) -> list[str]:
    """Labels of the lines but the blurry input; of too many, the central ones, then the best."""
    references = _references(document)
    labels = [label for label in labels_of(document) if label not in references]
    if len(labels) > most:
        central = [document["plain"], document["whole"], document["truth"]]
        others = [label for label in labels if label not in central]
        rest = sorted(others, key=lambda label: -_best(document, label))
        shown = {*central, *rest[: most - len(central)]}
        return [label for label in labels if label in shown]
    return labels


def _best(document: Document, label: str) -> float:
    """Largest gain of a line over the blurry input at any dose, dB."""
    return max(one["value"] for _, one in _estimates(document, label))


def _references(document: Document) -> list[str]:
    """Label of the blurry input."""
    lines = lines_of(document)
    labels = [line["label"] for line in lines if line["system"] == INPUT]
    return list(dict.fromkeys(labels))


def _left_out(document: Document, shown: Sequence[str]) -> str:
    """How many lines a chart does not show; empty if none."""
    count = len({*labels_of(document)} - {*shown, *_references(document)})
    return (
        f"Not shown: {counted(count, 'further line')} with less gain." if count else ""
    )


def _estimates(document: Document, label: str) -> list[tuple[float, Estimate]]:
    """Gain over the blurry input at each dose that a line was trained with."""
    lines = line_by_dose(document, label)
    return [(dose, line["over_input"]) for dose, line in lines]


def shown_parts(one: Document, gains: str) -> list[str]:
    """Parts of the pictures of which a dose keeps gains, in the order of :data:`PART_NAMES`."""
    kept: set[str] = set()
    for line in one["lines"]:
        kept.update(line.get(gains, ()))
    return [part for part in PART_NAMES if part in kept - TOLD_BY_CIRCLE]


def _part_curve(line: Document, parts: Sequence[str]) -> Curve:
    """The curve of a line by part; only circles of confusion, which have an order, are joined."""
    points: list[tuple[float, Estimate]] = []
    for place, part in enumerate(parts):
        points.append((place, line["over_plain"].get(part, NOT_KNOWN)))
        if not part.startswith("psnr_coc_"):
            points.append((math.nan, NOT_KNOWN))
    return _curve(line["label"], points)


def _curve(label: str, points: Sequence[tuple[float, Estimate]]) -> Curve:
    """A line at some places, with its intervals."""
    places, values, errors = [], [], []
    for place, one in points:
        value = one["value"]
        places.append(place)
        values.append(value)
        errors.append((max(value - one["low"], 0.0), max(one["high"] - value, 0.0)))
    return Curve(
        label,
        tuple(places),
        tuple(values),
        tuple(errors),
        measured=True,
    )


def _floor(document: Document, labels: Sequence[str]) -> float | None:
    """Lower end of the chart if the plain loss falls below all others; None if it does not."""
    plain = document["plain"]
    others = [label for label in labels if label != plain]
    lows = []
    for label in others:
        lows += [one["low"] for _, one in _estimates(document, label)]
    floor = math.floor(10 * min([0.0, *lows])) / 10
    falls = any(one["value"] < floor for _, one in _estimates(document, plain))
    return floor if falls else None


def _reaches(points: Sequence[tuple[float, Estimate]], floor: float | None) -> bool:
    """Whether any gain of a line is in the chart."""
    return floor is None or any(one["value"] >= floor for _, one in points)


def _below(document: Document, floor: float | None) -> str:
    """Words on where the plain loss is, if it lies below the chart; empty if it does not."""
    if floor is None:
        return ""
    plain = document["plain"]
    values = []
    for dose, one in _estimates(document, plain):
        if one["value"] < floor:
            values.append(f"{number_text(one['value'], 2)} dB at {dose:g} px")
    return f"Below the chart: {plain}, {', '.join(values)}."
