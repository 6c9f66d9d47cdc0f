"""Faults in sessions of photographs, judged beside the good pairs of each session."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.misalignment import Misalignment
from defocus.align.photometry.unexplained import causes
from defocus.align.sharp_member.discs import Places, with_resting_discs
from defocus.align.sharp_member.suspicion import Suspicion, numbers_of, suspicions
from defocus.datasets.curation_rules import Rules
from defocus.progress import track
from research.sharp_member.plants import PLANTS, RESTING_DUST, Plant
from research.sharp_member.rates import Said
from research.sharp_member.session import WEAK_TEXTURES, Session

STRENGTHS = ("strong", "weak")
Planned = tuple[Plant | None, str]
"""The fault of a pair, and the weak texture of its scene; empty for neither."""


def by_photographs(
    files: Sequence[Path],
    seed: int,
    good: int,
    strength: str,
) -> list[Said]:
    """Remarks on a session with faults of a strength."""
    plants = [*[None] * good, *PLANTS]
    planned = [(plant, "") for plant in plants]
    return _said(Session.of(files, seed), planned, STRENGTHS.index(strength))


def by_weak_textures(
    files: Sequence[Path],
    seed: int,
    good: int,
) -> list[Said]:
    """Remarks on good pairs of walls, skies and nights."""
    kinds = islice(cycle(WEAK_TEXTURES), good)
    planned = [(None, kind) for kind in kinds]
    return _said(Session.of(files, seed), planned, 0)


def by_dusty_sensor(
    files: Sequence[Path],
    seed: int,
    count: int,
    strength: str,
) -> list[Said]:
    """Remarks on a session whose sharp members all have the same dust."""
    planned: list[Planned] = [(RESTING_DUST, "")] * count
    return _said(Session.of(files, seed), planned, STRENGTHS.index(strength))


def _said(
    session: Session,
    planned: Sequence[Planned],
    strength: int,
) -> list[Said]:
    estimator = flow_estimator("dis")
    numbers: dict[str, dict[str, float]] = {}
    discs: dict[str, Places] = {}
    reasons: dict[str, list[str]] = {}
    for place, (plant, weak) in enumerate(track(planned, "photographs")):
        pair = session.pair(place, plant, strength, weak)
        answer = measure(pair.blurry, pair.sharp, estimator).misalignment
        name = str(place)
        reasons[name] = [answer.reason] if answer.reason else []
        if answer.unexplained is None:
            continue
        reasons[name] += causes(answer.unexplained)
        numbers[name] = _numbers(answer)
        if (member := answer.unexplained.sharp_member) is not None:
            discs[name] = member.dark_discs
    suspected = suspicions(with_resting_discs(numbers, discs))
    return _verdicts(planned, suspected, reasons)


def _numbers(answer: Misalignment) -> dict[str, float]:
    """The known numbers by which a pair is compared with others."""
    assert answer.unexplained is not None  # noqa: S101 - for the type checker
    numbers = numbers_of(answer.unexplained.to_json())
    if answer.gain_ev is not None:
        numbers["gain_ev"] = answer.gain_ev
    if answer.residual_p95_px is not None:
        numbers["residual_p95_px"] = answer.residual_p95_px
    return numbers


def _verdicts(
    planned: Sequence[Planned],
    suspected: Mapping[str, Sequence[Suspicion]],
    reasons: dict[str, list[str]],
) -> list[Said]:
    """Remarks on each photograph."""
    said = []
    for place, (plant, _) in enumerate(planned):
        name = str(place)
        odd = suspected.get(name, ())
        remarks = [f"{suspicion.text} ({suspicion.size:.1f})" for suspicion in odd]
        texts = [*reasons[name], *remarks]
        fault = "" if plant is None else plant.name
        said.append(Said(fault, _verdict(texts, odd), "; ".join(texts)))
    return said


def _verdict(texts: Sequence[str], odd: Sequence[Suspicion]) -> str:
    """The verdict that suspicion gives; the other rules of ``curate`` are not asked."""
    most = Rules().most_suspicion or float("inf")
    if any(one.rejects and one.size > most for one in odd):
        return "reject"
    return "warn" if texts else "accept"
