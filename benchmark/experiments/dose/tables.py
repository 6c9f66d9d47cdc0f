"""Tables of a study by dose."""

from collections.abc import Mapping
from typing import Any

from defocus.reports.model import Column, Table

__all__ = ["dose_tables"]


def dose_tables(document: Mapping[str, Any]) -> list[Table]:
    """Gain of each line over the plain loss, and agreement of the protocols, by dose.

    Args:
        document: Content of ``dose.json``.
    """
    doses = document["doses"]
    labels = [line["label"] for line in doses[0]["lines"]]
    heads = tuple(Column(f"{one['dose_px']:g} px", "dB", None, 2) for one in doses)
    gains = tuple(
        (label, *(one["lines"][place]["over_plain"]["psnr"]["value"] for one in doses))
        for place, label in enumerate(labels)
    )
    note = (
        f"PSNR against the truth; {document['scenes']} test scenes, seeds: {document['seeds']}; "
        "intervals are in dose.json"
    )
    taus = tuple(
        (protocol, *((tau := one["tau"][protocol]) and tau["value"] for one in doses))
        for protocol in doses[0]["tau"]
    )
    agreeing = tuple(Column(f"{one['dose_px']:g} px", "", None, 2) for one in doses)
    return [
        Table("Gain over the plain loss by dose", (Column("Line"), *heads), gains, note),
        Table(
            "Kendall's tau between a protocol's ranking and the truth's",
            (Column("Protocol"), *agreeing),
            taus,
            "1: the same order of the lines; -1: the reverse",
        ),
    ]
