"""The result of a study by dose as parts of its report: charts, claims, strips."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from defocus.benchmark.experiments.dose.claims import (
    FROM_PX,
    RULE,
    Claim,
    claims_of,
    rival_claims_of,
)
from defocus.benchmark.experiments.dose.outputs.layout import (
    ERROR_SCALE,
    StripParts,
    cut_strip,
    strip_name,
)
from defocus.benchmark.reporting.dose.charts import dose_chart, part_charts, part_tables
from defocus.benchmark.reporting.dose.words import Document, begun, spoken
from defocus.errors import ImageError, InputError
from defocus.images import read_image
from defocus.reports.model import (
    Cell,
    Column,
    Facts,
    Gallery,
    Measured,
    Part,
    Table,
    Tabs,
    Tile,
)
from defocus.reports.text import number_text

__all__ = ["dose_parts", "line_names"]

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
        ("Gain by part of the picture", tuple(_by_part(document))),
        ("Crops by dose", tuple(_strips(out, document))),
    ]


def line_names(document: Document) -> Facts:
    """What the lines are called in the leaderboards."""
    fullest = max(document["doses"], key=lambda one: len(one["lines"]))
    names = {line["label"]: line["system"] for line in fullest["lines"]}
    return Facts("Line and its system in the leaderboards", tuple(names.items()))


def _by_part(document: Document) -> Iterator[Part]:
    """A tab for each dose, the largest first; nothing of a study that keeps no parts."""
    tables = part_tables(document)
    tabs: list[tuple[str, tuple[Part, ...]]] = []
    for dose, chart in reversed(part_charts(document).items()):
        table = tables.get(dose)
        tabs.append((f"{dose:g} px", (chart, table) if table else (chart,)))
    if tabs:
        yield Tabs("Dose", tuple(tabs))


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
