"""The result of a study by dose as parts of its report: charts, claims, strips."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError, InputError
from defocus.extras.studies.dose.claims import (
    FROM_PX,
    RULE,
    Claim,
    claims_of,
    doses_px_of,
    rival_claims_of,
)
from defocus.extras.studies.dose.kept import DOSES
from defocus.extras.studies.dose.outputs.layout import (
    StripParts,
    cut_strip,
    error_picture,
    error_scale,
    strip_name,
)
from defocus.extras.studies.dose.tables import dose_columns
from defocus.extras.studies.dose_report.charts import (
    dose_chart,
    part_charts,
    trust_chart,
)
from defocus.extras.studies.dose_report.tables import (
    line_tables,
    part_tables,
    trust_table,
)
from defocus.extras.studies.dose_report.words import Document
from defocus.pictures.read import read_image
from defocus.reports.display import anchor, number_text
from defocus.reports.model import (
    Cell,
    Column,
    Facts,
    Folded,
    Gallery,
    Measured,
    Part,
    Table,
    Tabs,
    Tile,
)

AGAIN = f"delete {DOSES}, then use the same 'studies ablate' again"


def dose_parts(out: Path, document: Document) -> list[tuple[str, tuple[Part, ...]]]:
    """Headings and parts, of the strips in a study's folder and of its ``dose.json``."""
    return [
        ("Gain by dose", (dose_chart(document),)),
        ("Claims", (_claims(document),)),
        (
            "Which scores can be trusted?",
            (trust_chart(document), trust_table(document)),
        ),
        ("Every line by dose", tuple(_folded_lines(document))),
        ("Gain by part of the picture", tuple(_by_part(document))),
        ("Crops by dose", tuple(_strips(out, document))),
    ]


def line_names(document: Document) -> Facts:
    """Names of the lines in the leaderboards."""
    fullest = max(document["doses"], key=lambda one: len(one["lines"]))
    names = {line["label"]: line["system"] for line in fullest["lines"]}
    return Facts("Line and its system in the leaderboards", tuple(names.items()))


def _by_part(document: Document) -> Iterator[Part]:
    """A tab for each dose; nothing of a study that keeps no parts."""
    tables = part_tables(document)
    tabs: list[tuple[str, tuple[Part, ...]]] = []
    for dose, chart in part_charts(document).items():
        table = tables.get(dose)
        tabs.append((f"{dose:g} px", (chart, table) if table else (chart,)))
    if tabs:
        yield Tabs("Dose", tuple(tabs))


def _folded_lines(document: Document) -> Iterator[Folded]:
    for dose, table in line_tables(document).items():
        name = f"{dose:g} px"
        yield Folded(f"Dose {name}", anchor("lines", name), (table,))


def _claims(document: Document) -> Table:
    """The claims one by one, with their differences and verdicts."""
    doses = [dose for dose in doses_px_of(document) if dose >= FROM_PX]
    whole = document["whole"]
    rivals = set(document["rivals"])
    rows = []
    for claim in claims_of(document):
        if claim.line not in rivals:
            cells = _cells(claim, doses)
            rows.append((f"{whole} above {claim.line}", *cells))
    for claim in rival_claims_of(document):
        cells = _cells(claim, doses)
        rows.append((f"{claim.line} above {whole}", *cells))
    columns: list[Column | str] = ["Claim", "Verdict"]
    columns += dose_columns(doses, "dB")
    return Table.of("Differences of PSNR against the truth", columns, rows, RULE)


def _cells(claim: Claim, doses: Sequence[float]) -> tuple[Cell, ...]:
    by_dose = dict(claim.doses)
    differences = map(by_dose.get, doses)
    return (claim.verdict, *map(_difference, differences))


def _difference(estimate: Any) -> Measured | None:  # noqa: ANN401 - a checked estimate
    return estimate and Measured(estimate["value"], (estimate["low"], estimate["high"]))


def _strips(out: Path, document: Document) -> Iterator[Part]:
    """A tab of crops for each dose."""
    tabs = []
    for one in document["doses"]:
        if one["strip"]:
            galleries = tuple(_galleries(out, document, one))
            tabs.append((f"{one['dose_px']:g} px", galleries))
    if tabs:
        yield Tabs("Dose", tuple(tabs))


def _above_its_error(
    crop: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    scale: int,
) -> NDArray[np.uint8]:
    return np.concatenate([crop, error_picture(crop, truth, scale)])


def _galleries(out: Path, document: Document, one: Document) -> Iterator[Gallery]:
    strip = one["strip"]
    pictures = _read_strip(out, one)
    *restored, truth = pictures.crops
    scale = error_scale(restored[0], truth)
    tiles = [_above_its_error(crop, truth, scale) for crop in restored]
    tiles.append(truth)
    side = len(truth)
    line = one["scene_gains"]["line"]
    plain = document["plain"]
    labels = strip["labels"]
    yield Gallery(
        f"{strip['scene']}: the test scene at which {line} has its median gain over {plain}",
        tuple(map(Tile, labels, tiles)),
        f"First seed. The crop, {side} × {side} px at x {strip['left']}, y {strip['top']}, is "
        "where the input differs most from the truth. Below each: its error against the truth "
        f"× {scale}, the same for all; what would be brighter than white is white.",
    )
    if pictures.lines:
        lines = strip["lines"]
        yield Gallery(
            f"{lines['scene']}: the longest straight line that all of these show",
            tuple(map(Tile, labels, pictures.lines, map(_bend, lines["bends_px"]))),
            f"First seed. {_line_scene(lines, plain)} Bend: root mean square deviation "
            "from the line of the truth.",
        )


def _line_scene(lines: Document, plain: str) -> str:
    """How the scene was chosen, and what ticks mean; older strips were chosen by the bend alone."""
    if not lines["ends_px"]:
        return f"The test scene at which {plain} has its median bend of lines."
    return (
        f"The test scene at which {plain} bends lines beyond the blurry input by the median. "
        "Ticks beside the line: its ends, or where it leaves the crop."
    )


def _bend(bend_px: float | None) -> str:
    return (
        "line is not seen" if bend_px is None else f"bend {number_text(bend_px, 2)} px"
    )


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
        return cut_strip(
            picture,
            len(strip["labels"]),
            lines=strip["lines"] is not None,
        )
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); {AGAIN}") from error
