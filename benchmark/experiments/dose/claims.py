"""What a study by dose says of an objective's claims: confirmed, refuted, or not decided.

A claim is that the whole objective is better than one of its lines, against the truth. It is
confirmed if the 95 % interval of the difference lies above 0 at every dose from 2 px on, refuted if
it lies below 0 at one of them and above 0 at none, and otherwise not decided. Fewer than three
seeds decide nothing: trainings of one line differ too much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["LEAST_SEEDS", "Claim", "Verdict", "claims_of", "verdict"]

Verdict = Literal["confirmed", "refuted", "not decided"]

FROM_PX = 2.0
"""Smallest dose at which a claim about misaligned pairs is tested."""

LEAST_SEEDS = 3


@dataclass(frozen=True)
class Claim:
    """The comparison of the whole objective with one line.

    Attributes:
        line: Label of the line.
        doses: Dose, px, and difference with its interval (``value``, ``low``, ``high``), dB.
        verdict: What follows.
    """

    line: str
    doses: tuple[tuple[float, Mapping[str, float]], ...]
    verdict: Verdict


def claims_of(document: Mapping[str, Any]) -> list[Claim]:
    """The claims of a study, in the order of its lines.

    Args:
        document: Content of ``dose.json``.
    """
    labels = [line["label"] for line in document["doses"][0]["lines"]]
    left_out = {document["whole"], document["truth"]}
    return [_claim(document, label) for label in labels if label not in left_out]


def _claim(document: Mapping[str, Any], label: str) -> Claim:
    found = []
    for one in document["doses"]:
        (line,) = (line for line in one["lines"] if line["label"] == label)
        if one["dose_px"] >= FROM_PX:
            found.append((float(one["dose_px"]), line["whole_over"]))
    found.sort(key=lambda pair: pair[0])
    differences = [difference for _, difference in found]
    enough = document["seeds"] >= LEAST_SEEDS
    return Claim(label, tuple(found), verdict(differences) if enough else "not decided")


def verdict(differences: list[Mapping[str, float]]) -> Verdict:
    """What the differences of all tested doses say; nothing is decided without any.

    Args:
        differences: With ``low`` and ``high``, the ends of the interval.
    """
    above = [one["low"] > 0 for one in differences]
    below = [one["high"] < 0 for one in differences]
    if above and all(above):
        return "confirmed"
    return "refuted" if any(below) and not any(above) else "not decided"
