"""Tables of a study by dose."""

from collections.abc import Mapping
from typing import Any

from defocus.reports.display import number_text
from defocus.reports.model import Column, Table


def dose_tables(document: Mapping[str, Any]) -> list[Table]:
    """Gain of each line over the blurry input, and agreement of the protocols, by dose."""
    doses = document["doses"]
    labels = [line["label"] for line in doses[0]["lines"]]
    heads = tuple(Column(f"{one['dose_px']:g} px", "dB", None, 2) for one in doses)
    gain_rows = []
    for place, label in enumerate(labels):
        own = [one["lines"][place]["over_input"] for one in doses]
        gain_rows.append((label, *map(_told, own)))
    gains = tuple(gain_rows)
    note = (
        f"PSNR against the truth, with 95 % intervals; {document['scenes']} test scenes, seeds: "
        f"{document['seeds']}"
    )
    tau_rows = []
    for protocol in doses[0]["tau"]:
        own = [one["tau"][protocol] for one in doses]
        tau_rows.append((protocol, *map(_told, own)))
    taus = tuple(tau_rows)
    agreeing = tuple(Column(f"{one['dose_px']:g} px", "", None, 2) for one in doses)
    return [
        Table.of("Gain over the blurry input by dose", ("Line", *heads), gains, note),
        Table.of(
            "Kendall's tau between a protocol's ranking and the truth's",
            ("Protocol", *agreeing),
            taus,
            "1: the same order of the lines; −1: the reverse",
        ),
    ]


def _told(estimate: Mapping[str, float] | None) -> str | None:
    if estimate is None:
        return None
    value = number_text(estimate["value"], 2)
    low = number_text(estimate["low"], 2)
    high = number_text(estimate["high"], 2)
    return f"{value} [{low}, {high}]"
