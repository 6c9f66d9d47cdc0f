"""Scores that change without their revision being raised are noticed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from defocus.benchmark.metrics import psnr
from defocus.benchmark.revisions import SCORING_REVISION
from defocus.benchmark.scoring import score
from tests.golden import scores as golden

TOLERANCE = 1e-6
FLOW_TOLERANCE = 5e-4
"""Of scores behind which a flow is estimated in float32: without AVX, the same code gives up to
0.00007 dB another value."""

FLOW_PLACES = ("/deformed-gt/", "ceiling/", "score/jdrl-", "/warp_px/")
REGISTERED_TOLERANCE = 1e-5
"""Of scores behind a registration, and of parts of a picture that it places: between processors
they differ by up to 0.000002 dB."""
SINGLE_TOLERANCE = 1e-4
"""Of a metric that blurs in float32: between processors it differs by up to 0.000007 dB."""
SINGLE_PLACES = ("/consistency/",)
REGISTERED_PLACES = (
    "/input-aligned/",
    "score/defocus-v1/",
    "/psnr_edges/",
    "/psnr_coc_",
)


def complaint(
    scores: dict[str, float | None], versions: dict[str, Any], kept: dict[str, Any]
) -> str:
    """What is wrong with numbers that differ from the committed ones; empty where nothing is."""
    if versions != {name: kept[name] for name in versions}:
        return f"a revision was raised: remake by {golden.COMMAND}"
    changed = sorted(
        place
        for place in scores.keys() | kept["scores"].keys()
        if not _equal(scores.get(place), kept["scores"].get(place), _tolerance(place))
    )
    if not changed:
        return ""
    return (
        f"numbers changed: raise SCORING_REVISION or the metric's revision, remake by "
        f"{golden.COMMAND}: {len(changed)} such as {', '.join(changed[:3])}"
    )


def _tolerance(place: str) -> float:
    if any(part in place for part in FLOW_PLACES):
        return FLOW_TOLERANCE
    if any(part in place for part in SINGLE_PLACES):
        return SINGLE_TOLERANCE
    return (
        REGISTERED_TOLERANCE
        if any(part in place for part in REGISTERED_PLACES)
        else TOLERANCE
    )


def _equal(first: float | None, second: float | None, tolerance: float) -> bool:
    if isinstance(first, float | int) and isinstance(second, float | int):
        return abs(first - second) <= tolerance
    return first == second


@pytest.fixture(scope="module")
def kept():
    document: dict[str, Any] = json.loads(golden.FILE.read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def scores():
    return golden.measured()


@pytest.mark.full
def test_scores_are_those_of_their_revisions(scores, kept):
    assert complaint(scores, golden.versions(), kept) == ""


def test_every_protocol_profile_and_metric_has_a_number(kept):
    numbers = [
        place.split("/")
        for place, one in kept["scores"].items()
        if isinstance(one, float)
    ]
    studied = [place for place in numbers if place[0] == "study"]
    assert {place[2] for place in studied} == {
        "gt",
        "input-aligned",
        "deformed-gt",
        "truth",
    }
    assert {place[1] for place in studied} == set(golden.PROFILES)
    assert {place[3] for place in studied} >= set(golden.metrics())
    assert {place[1] for place in numbers if place[0] == "score"} == set(
        golden.PROFILES
    )


@pytest.mark.full
def test_a_planted_fault_is_named(kept, monkeypatch):
    """One profile is enough: PSNR that is wrong by 0.00001 dB."""
    monkeypatch.setattr(score, "decibels", lambda *given: psnr.decibels(*given) + 1e-5)
    scores = golden.measured(["png8"])
    same = {**kept, "scores": {place: kept["scores"][place] for place in scores}}
    said = complaint(scores, golden.versions(), same)
    assert said.startswith(
        "numbers changed: raise SCORING_REVISION or the metric's revision"
    )
    assert "/psnr/" in said


def test_a_raised_revision_asks_for_the_numbers_to_be_made_anew(kept):
    of_metric, of_scoring = golden.versions(), golden.versions()
    of_metric["metrics"]["psnr"] = replace(psnr.METRIC, revision=2).version
    of_scoring["scoring_revision"] = SCORING_REVISION + 1
    for versions in (of_metric, of_scoring):
        said = complaint(kept["scores"], versions, kept)
        assert said == f"a revision was raised: remake by {golden.COMMAND}"
