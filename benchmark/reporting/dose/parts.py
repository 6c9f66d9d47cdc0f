"""The result of a study by dose as parts of its report: chart, claims, strips."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from defocus.benchmark.experiments.dose.claims import (
    FROM_PX,
    RULE,
    Claim,
    claims_of,
    labels_of,
    line_of,
    rival_claims_of,
)
from defocus.benchmark.experiments.dose.outputs.layout import (
    ERROR_SCALE,
    StripParts,
    cut_strip,
    strip_name,
)
from defocus.benchmark.reporting.dose.words import INPUT, Document, begun, spoken, study_words
from defocus.errors import ImageError, InputError
from defocus.images import read_image
from defocus.reports.model import (
    Cell,
    Column,
    Curve,
    Curves,
    Facts,
    Gallery,
    Measured,
    Part,
    Table,
    Tabs,
    Tile,
)
from defocus.reports.text import number_text

__all__ = ["dose_chart", "dose_parts", "line_names"]

MOST_CURVES = 12
"""Six colours, whole and dashed: more lines would not be told apart."""

AGAIN = "use the same 'ablate' again"


def dose_parts(out: Path, document: Document) -> list[tuple[str, tuple[Part, ...]]]:
    """Headings and parts.

    Args:
        out: Folder of the study, with its strips.
        document: What it keeps in ``dose.json``.

    Raises:
        InputError: A strip is missing or damaged.
    """
    return [
        ("Gain by dose", (dose_chart(document),)),
        ("Claims", (_claims(document),)),
        ("Crops by dose", tuple(_strips(out, document))),
    ]


def line_names(document: Document) -> Facts:
    """What the lines are called in the leaderboards."""
    fullest = max(document["doses"], key=lambda one: len(one["lines"]))
    names = {line["label"]: line["system"] for line in fullest["lines"]}
    return Facts("Line and its system in the leaderboards", tuple(names.items()))


def dose_chart(document: Document) -> Curves:
    """Gain of each line over the blurry input by dose, with intervals.

    The plain loss may fall far below the others: it then leaves the chart, and the note says where
    it is. Of many lines the central ones come first.
    """
    labels = _charted(document)
    left_out = len(labels) - MOST_CURVES
    shown = labels[:MOST_CURVES]
    floor = _floor(document, shown)
    said = [study_words(document), _below(document, floor)]
    if left_out > 0:
        said.append(f"Not shown: {left_out} further lines.")
    return Curves(
        "Gain over the blurry input by dose of misalignment",
        "dose of misalignment, px",
        "gain over the blurry input, dB",
        tuple(_curve(document, label) for label in shown),
        floor=floor,
        apart=True,
        note=" ".join(filter(None, said)),
    )


def _charted(document: Document) -> list[str]:
    """Labels of the lines but the blurry input; of too many, the central ones first."""
    lines = [line for one in document["doses"] for line in one["lines"]]
    references = {line["label"] for line in lines if line["system"] == INPUT}
    labels = [label for label in labels_of(document) if label not in references]
    if len(labels) <= MOST_CURVES:
        return labels
    central = [document["plain"], document["whole"], *document["rivals"], document["truth"]]
    return sorted(labels, key=lambda label: label not in central)


def _estimates(document: Document, label: str) -> list[tuple[float, dict[str, float]]]:
    """Gain over the blurry input at each dose that a line was trained with."""
    lines = [(one["dose_px"], line_of(one, label)) for one in document["doses"]]
    return [(dose, line["over_input"]) for dose, line in lines if line is not None]


def _curve(document: Document, label: str) -> Curve:
    found = _estimates(document, label)
    return Curve(
        spoken(label),
        tuple(dose for dose, _ in found),
        tuple(one["value"] for _, one in found),
        tuple(
            (max(one["value"] - one["low"], 0.0), max(one["high"] - one["value"], 0.0))
            for _, one in found
        ),
        measured=True,
    )


def _floor(document: Document, labels: Sequence[str]) -> float | None:
    """Where the chart begins if the plain loss falls below all others; None if it does not."""
    plain = document["plain"]
    others = [label for label in labels if label != plain]
    lows = [one["low"] for label in others for _, one in _estimates(document, label)]
    floor = math.floor(10 * min([0.0, *lows])) / 10
    falls = any(one["value"] < floor for _, one in _estimates(document, plain))
    return floor if falls else None


def _below(document: Document, floor: float | None) -> str:
    """Where the plain loss is that left the chart; empty if it did not."""
    if floor is None:
        return ""
    plain = document["plain"]
    found = ", ".join(
        f"{number_text(one['value'], 2)} dB at {dose:g} px"
        for dose, one in _estimates(document, plain)
        if one["value"] < floor
    )
    return f"Below the chart: {spoken(plain)}, {found}."


def _claims(document: Document) -> Table:
    """The claims one by one, with their differences and verdicts."""
    doses = [one["dose_px"] for one in document["doses"] if one["dose_px"] >= FROM_PX]
    whole, rivals = document["whole"], set(document["rivals"])
    rows = [
        (begun(f"{whole} above {_part(claim.line)}"), *_cells(claim, doses))
        for claim in claims_of(document)
        if claim.line not in rivals
    ]
    rows += [
        (begun(f"{spoken(claim.line)} above {whole}"), *_cells(claim, doses))
        for claim in rival_claims_of(document)
    ]
    columns = (
        Column("Claim"),
        Column("Verdict"),
        *(Column(f"{dose:g} px", "dB", None, 2) for dose in doses),
    )
    return Table("Differences of PSNR against the truth", columns, tuple(rows), RULE)


def _part(label: str) -> str:
    """The line that the whole objective is above, as the end of a sentence."""
    said = spoken(label)
    return f"itself {said}" if said.startswith("without ") else said


def _cells(claim: Claim, doses: Sequence[float]) -> tuple[Cell, ...]:
    known = dict(claim.doses)
    return (claim.verdict, *(_difference(known.get(dose)) for dose in doses))


def _difference(found: Any) -> Measured | None:  # noqa: ANN401 - a checked estimate
    return found and Measured(found["value"], (found["low"], found["high"]))


def _strips(out: Path, document: Document) -> Iterator[Part]:
    """A tab of crops for each dose, the largest first: there the lines differ most."""
    known = [one for one in reversed(document["doses"]) if one["strip"]]
    tabs = tuple((f"{one['dose_px']:g} px", tuple(_galleries(out, document, one))) for one in known)
    if tabs:
        yield Tabs("Dose", tabs)


def _galleries(out: Path, document: Document, one: Document) -> Iterator[Gallery]:
    strip = one["strip"]
    found = _read_strip(out, one)
    side = found.crops[0].shape[0]
    stacked = [
        np.concatenate([crop, error])
        for crop, error in zip(found.crops[:-1], found.errors, strict=True)
    ]
    line, plain = spoken(one["scene_gains"]["line"]), spoken(document["plain"])
    labels = [spoken(label) for label in strip["labels"]]
    yield Gallery(
        f"{strip['scene']}: the test scene at which {line} has its median gain over {plain}",
        tuple(map(Tile, labels, (*stacked, found.crops[-1]))),
        f"First seed. The crop, {side} × {side} px at x {strip['left']}, y {strip['top']}, is "
        "where the input differs most from the truth. Below each: its error against the truth, "
        f"{ERROR_SCALE:g} times as bright.",
    )
    if found.lines:
        bends = strip["lines"]["bends_px"]
        yield Gallery(
            f"{strip['lines']['scene']}: the longest straight line that all of these show",
            tuple(map(Tile, labels, found.lines, map(_bend, bends))),
            f"First seed. The test scene at which {plain} has its median bend of lines. Bend: root "
            "mean square deviation from the line of the truth.",
        )


def _bend(bend_px: float | None) -> str:
    return "line is not seen" if bend_px is None else f"bend {number_text(bend_px, 2)} px"


def _read_strip(out: Path, one: Document) -> StripParts:
    path = out / strip_name(one["dose_px"])
    strip = one["strip"]
    try:
        picture = read_image(path)
    except ImageError as error:
        raise InputError(f"{error}; {AGAIN}") from error
    if picture.dtype != np.uint8:
        raise InputError(f"{path}: damaged ({picture.dtype} pixels); {AGAIN}")
    try:
        return cut_strip(picture, len(strip["labels"]), lines=strip["lines"] is not None)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); {AGAIN}") from error
