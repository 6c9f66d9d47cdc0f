"""What a study by dose says of an objective's claims: confirmed, refuted, or not decided.

A claim is that the whole objective is better than one of its lines, against the truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from defocus.benchmark.statistics.resampling import MINIMUM_SCENES

Verdict = Literal["confirmed", "refuted", "not decided"]

FROM_PX = 2.0
"""Smallest dose at which a claim about misaligned pairs is tested."""

LEAST_SEEDS = 3

RULE = (
    f"A claim is confirmed if the interval of the difference lies above 0 at every dose from "
    f"{FROM_PX:g} px on, and refuted if it lies below 0 at one of them and above 0 at none; "
    f"otherwise it is not decided. A verdict needs {LEAST_SEEDS} seeds and test scenes of "
    f"{MINIMUM_SCENES} photographs and textures, or more."
)
"""How verdicts are found, in words for readers."""

Estimate: TypeAlias = Mapping[str, float]
"""``value``, and ``low`` and ``high``, the ends of its interval."""


@dataclass(frozen=True)
class Claim:
    """The claim that one line is better than another."""

    line: str  # label of the line with which the whole objective is compared
    # dose, px, and difference with its interval, dB; ascending
    doses: tuple[tuple[float, Estimate], ...]
    verdict: Verdict  # what follows


def line_of(dose: Mapping[str, Any], label: str) -> Mapping[str, Any] | None:
    """A line of one of the ``doses`` of ``dose.json``; None if it was not trained with it."""
    return next((line for line in dose["lines"] if line["label"] == label), None)


def doses_px_of(document: Mapping[str, Any]) -> list[float]:
    """Doses of ``dose.json``, px, in their order."""
    return [one["dose_px"] for one in document["doses"]]


def lines_of(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The lines of all doses of ``dose.json``."""
    for one in document["doses"]:
        yield from one["lines"]


def line_by_dose(
    document: Mapping[str, Any],
    label: str,
) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """Each dose, px, that a line of ``dose.json`` was trained with, and the line at that dose."""
    for one in document["doses"]:
        line = line_of(one, label)
        if line is not None:
            yield one["dose_px"], line


def labels_of(document: Mapping[str, Any]) -> list[str]:
    """Labels of the lines of the dose with the most, each once, in their order."""
    fullest = max(document["doses"], key=lambda one: len(one["lines"]))
    return list(dict.fromkeys(line["label"] for line in fullest["lines"]))


def protocols_of(doses: Sequence[Mapping[str, Any]]) -> dict[str, None]:
    """Protocols of the ``doses`` of ``dose.json`` whose ranking was compared, each once."""
    return dict.fromkeys(chain.from_iterable(one["tau"] for one in doses))


def labels_at_any_dose(document: Mapping[str, Any]) -> set[str]:
    """Labels of the lines of all doses."""
    return {line["label"] for line in lines_of(document)}


def claims_of(document: Mapping[str, Any]) -> list[Claim]:
    """Claims, by ``dose.json``, that the whole objective beats each line except the control."""
    left_out = {document["whole"], document["truth"]}
    labels = [label for label in labels_of(document) if label not in left_out]
    return [_claim(document, label, _differences(document, label)) for label in labels]


def rival_claims_of(document: Mapping[str, Any]) -> list[Claim]:
    """Claims, by ``dose.json``, that each rival is better than the whole objective."""
    labels = set(labels_of(document))
    claims = []
    for label in document["rivals"]:
        if label in labels:
            own = _differences(document, label)
            gains = [(dose, turned(one)) for dose, one in own]
            claims.append(_claim(document, label, gains))
    return claims


def turned(difference: Estimate) -> dict[str, float]:
    """The difference seen from the other side."""
    return {
        "value": -difference["value"],
        "low": -difference["high"],
        "high": -difference["low"],
    }


def _differences(
    document: Mapping[str, Any],
    label: str,
) -> list[tuple[float, Estimate]]:
    """Gain of the whole objective over a row, by dose; doses without the row are left out."""
    pairs = []
    for dose, line in line_by_dose(document, label):
        if dose >= FROM_PX:
            pairs.append((float(dose), line["whole_over"]))
    return sorted(pairs, key=itemgetter(0))


def _claim(
    document: Mapping[str, Any],
    label: str,
    differences: Sequence[tuple[float, Estimate]],
) -> Claim:
    answer = verdict([one for _, one in differences])
    origins = document.get("origins")  # datasets of an older version lack it
    apart = document["scenes"] if origins is None else min(origins, document["scenes"])
    enough = document["seeds"] >= LEAST_SEEDS and apart >= MINIMUM_SCENES
    return Claim(label, tuple(differences), answer if enough else "not decided")


def verdict(differences: list[Estimate]) -> Verdict:
    """Verdict from the differences of all tested doses; undecided without any."""
    # Confirmed: the intervals are above 0 at every dose from 2 px on; refuted: below 0 at one and
    # above at none. Few seeds or photographs decide nothing: trainings of one line differ too much.
    above = [one["low"] > 0 for one in differences]
    below = [one["high"] < 0 for one in differences]
    if above and all(above):
        return "confirmed"
    return "refuted" if any(below) and not any(above) else "not decided"


def without_number(label: str) -> str:
    """A line's name without its number in the paper's table: ``plain loss`` of ``1 plain loss``."""
    number, _, rest = label.partition(" ")
    return rest if number.isdecimal() else label
