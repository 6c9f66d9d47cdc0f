"""Judge the pairs of a session beside each other, by the numbers that their verdicts kept."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from defocus.align.sharp_member.discs import Places, with_resting_discs
from defocus.align.sharp_member.suspicion import Suspicion, numbers_of, suspicions
from defocus.capture.sessions.damage import CheckedPair, SessionCheck
from defocus.capture.sessions.session import read_state
from defocus.capture.sessions.state import SessionState, file_path
from defocus.reading import read_json

Apertures = tuple[str, str]
"""Apertures of the blurry and the sharp member, as requested."""


def judged_beside(root: Path, check: SessionCheck) -> SessionCheck:
    """A check with a warning on each pair that differs from the others of the same apertures.

    It never rejects, and decisions of people stay."""
    state, _ = read_state(root)
    groups: dict[Apertures, dict[str, dict[str, float]]] = {}
    discs: dict[str, Places] = {}
    for pair in check.pairs:
        entry = _entry(root, state, pair)
        if entry is not None:
            apertures, numbers, discs[pair.id] = entry
            groups.setdefault(apertures, {})[pair.id] = numbers
    found: dict[str, tuple[Suspicion, ...]] = {}
    for numbers_of_group in groups.values():
        found |= suspicions(with_resting_discs(numbers_of_group, discs))
    pairs = tuple(_warned(pair, found.get(pair.id, ())) for pair in check.pairs)
    return replace(check, pairs=pairs)


def _entry(
    root: Path, state: SessionState, pair: CheckedPair
) -> tuple[Apertures, dict[str, float], Places] | None:
    """The apertures of a pair, the numbers that are compared, and the discs of its sharp member.

    None if it is rejected or incomplete, or a person decided on it."""
    if pair.verdict not in ("accept", "warn"):
        return None
    complete = state.complete[pair.id]
    try:
        entry = read_json(file_path(root, pair.id, "pair.json"))
        if (complete.verdict, complete.reason) != (entry["verdict"], entry["reason"]):
            return None
        blurry = str(entry["roles"]["blurry"]["asked"]["aperture"])
        sharp = str(entry["roles"]["sharp"]["asked"]["aperture"])
        quality = entry["quality"]
        return (blurry, sharp), _of_quality(quality), _discs_of(quality)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # judging it says what is wrong with the document


def _of_quality(quality: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a verdict that are compared between pairs."""
    numbers = numbers_of(quality.get("unexplained") or {})
    gain_ev = quality.get("exposure_residual_ev")
    if gain_ev is None:
        return numbers
    return numbers | {"gain_ev": float(gain_ev)}


def _discs_of(quality: Mapping[str, Any]) -> Places:
    """Places of the dark discs of the sharp member; none if it was not tested."""
    unexplained = quality.get("unexplained") or {}
    member = unexplained.get("sharp_member") or {}
    discs = member.get("dark_discs", ())
    return [(float(x), float(y)) for x, y in discs]


def _warned(pair: CheckedPair, several: tuple[Suspicion, ...]) -> CheckedPair:
    """A pair with the suspicions that its findings do not name yet."""
    texts = [one.text for one in several if one.fault not in pair.reason]
    if not texts:
        return pair
    if pair.reason:
        texts.insert(0, pair.reason)
    return replace(pair, verdict="warn", reason="; ".join(texts))
