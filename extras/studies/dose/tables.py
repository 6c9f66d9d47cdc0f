"""Tables of a study by dose."""

from collections.abc import Mapping, Sequence
from typing import Any

from defocus.extras.studies.dose.claims import doses_px_of
from defocus.reports.display import number_text
from defocus.reports.model import Column, Table


def dose_tables(document: Mapping[str, Any]) -> list[Table]:
    """Gain of each line over the blurry input, and agreement of the protocols, by dose."""
    return [_gain_table(document), _tau_table(document)]


def _gain_table(document: Mapping[str, Any]) -> Table:
    """Gain of each line over the blurry input by dose."""
    doses = document["doses"]
    rows = []
    for place, line in enumerate(doses[0]["lines"]):
        own = [one["lines"][place]["over_input"] for one in doses]
        rows.append((line["label"], *map(_told, own)))
    note = (
        f"PSNR against the truth, with 95 % intervals; {document['scenes']} test scenes, seeds: "
        f"{document['seeds']}"
    )
    return Table.of(
        "Gain over the blurry input by dose",
        ("Line", *dose_columns(doses_px_of(document), "dB")),
        rows,
        note,
    )


def _tau_table(document: Mapping[str, Any]) -> Table:
    """Agreement of each protocol with the truth by dose."""
    doses = document["doses"]
    rows = []
    for protocol in doses[0]["tau"]:
        own = [one["tau"][protocol] for one in doses]
        rows.append((protocol, *map(_told, own)))
    return Table.of(
        "Kendall's tau between a protocol's ranking and the truth's",
        ("Protocol", *dose_columns(doses_px_of(document), "")),
        rows,
        "1: the same order of the lines; −1: the reverse",
    )


def dose_columns(doses_px: Sequence[float], unit: str) -> list[Column]:
    """A column for each dose."""
    return [Column(f"{dose:g} px", unit, None, 2) for dose in doses_px]


def _told(estimate: Mapping[str, float] | None) -> str | None:
    if estimate is None:
        return None
    value = number_text(estimate["value"], 2)
    low = number_text(estimate["low"], 2)
    high = number_text(estimate["high"], 2)
    return f"{value} [{low}, {high}]"
