"""Tables of a study by dose: which scores can be trusted, every line, and parts of pictures."""

from collections.abc import Mapping

from defocus.benchmark.leaderboard.columns import column
from defocus.extras.studies.dose.claims import doses_px_of, protocols_of
from defocus.extras.studies.dose.tables import dose_columns
from defocus.extras.studies.dose_report.charts import PART_NAMES, shown_parts
from defocus.extras.studies.dose_report.words import INPUT, Document
from defocus.reports.model import Cell, Column, Measured, Table

COLUMN_WORDS = (
    "PSNR and gains are against the truth. Share of the gap: 0 for the plain loss, 1 for true "
    "pairs; n/a where the gap between the two is not significant. Edges: mean length of the flow "
    "from the truth to the output at the steepest tenth of the pixels. Lines: how far lines that "
    "are straight in the truth bend in the output, root mean square. Moved and bent: what the "
    "training adds to both, beyond the blurry input. Minutes: of one training."
)
"""Meaning of the columns of :func:`line_tables`."""


def trust_table(document: Document) -> Table:
    """Kendall's tau of each protocol by dose, with its interval."""
    doses = document["doses"]
    columns: list[Column | str] = ["Protocol"]
    columns += dose_columns(doses_px_of(document), "")
    rows = []
    for protocol in protocols_of(doses):
        taus = [_measured(one["tau"].get(protocol)) for one in doses]
        rows.append((protocol, *taus))
    return Table.of("Kendall's tau by dose", columns, rows)


def line_tables(document: Document) -> dict[float, Table]:
    """Every line of each dose: scores, gains, share of the gap, edges, lines and minutes."""
    columns = (
        "Line",
        column("psnr"),
        column("gain", "Gain over the input"),
        column("gain", f"Gain over {document['plain']}"),
        Column("Share of the gap", "", "higher", 2),
        Column("Edges", "px", "lower", 2),
        column("warp_px", "Moved"),
        Column("Lines", "px", "lower", 2),
        Column("Bent", "px", "lower", 2),
        Column("Minutes", "", "lower", 1),
    )
    tables = {}
    for one in document["doses"]:
        caption = f"Every line, dose {one['dose_px']:g} px"
        rows = map(_row, one["lines"])
        tables[one["dose_px"]] = Table.of(caption, columns, rows, COLUMN_WORDS)
    return tables


def part_tables(document: Document) -> dict[float, Table]:
    """By dose, px: gain of each line over the blurry input by part of the picture."""
    tables = {}
    for one in document["doses"]:
        shown = shown_parts(one, "parts_over_input")
        if not shown:
            continue
        dose = f"dose {one['dose_px']:g} px"
        columns = [Column(PART_NAMES[part], "dB", None, 2) for part in shown]
        rows = []
        for line in one["lines"]:
            if line["system"] != INPUT:
                gains = map(line["parts_over_input"].get, shown)
                rows.append((line["label"], *map(_measured, gains)))
        caption = f"Gain over the blurry input by part of the picture, {dose}"
        tables[one["dose_px"]] = Table.of(caption, ("Line", *columns), rows)
    return tables


def _row(line: Document) -> tuple[Cell, ...]:
    means = line["means"]
    return (
        line["label"],
        means.get("truth/psnr"),
        _measured(line["over_input"]),
        _measured(line["over_plain"].get("psnr")),
        _measured(line["share"]),
        means.get("edge_px"),
        _added(line, "moved_px"),
        means.get("line_px"),
        _added(line, "bent_px"),
        line["seconds"] / 60 if line["steps"] else None,
    )


def _added(line: Document, name: str) -> Measured | None:
    """The part that the training adds; nothing was trained for the blurry input."""
    return _measured(line.get(name)) if line["steps"] else None


def _measured(estimate: Mapping[str, float] | None) -> Measured | None:
    if estimate is None:
        return None
    return Measured(estimate["value"], (estimate["low"], estimate["high"]))
