"""Rows ``NAME@scales``: which systems have one, what it shares with the plain system."""

from dataclasses import replace

import pytest

from defocus.baselines.card import Baseline, Card
from defocus.baselines.registry import (
    all_baselines,
    baseline,
    known_baselines,
    plain_baseline,
)
from defocus.baselines.scales import ENDING, at_scales, why_not_at_scales, with_scales
from defocus.baselines.weights.own import find_own_weights
from defocus.errors import RegistryError


def test_a_network_of_a_single_picture_has_a_row_of_its_own():
    plain, scaled = baseline("restormer"), baseline(f"restormer{ENDING}")
    assert scaled.card.name == "restormer@scales"
    assert scaled.card.display_name == f"{plain.card.display_name} @scales"
    assert (scaled.card.variant_of, scaled.card.published_as) == ("restormer", None)
    assert (scaled.card.at_scales, plain.card.at_scales) == (True, False)
    assert (scaled.build, scaled.recipe) == (plain.build, plain.recipe)
    assert scaled.plain == plain
    assert plain.plain is plain


def test_the_narrow_copy_of_a_row_is_that_of_the_network():
    scaled = baseline(f"unet{ENDING}").narrowed()
    assert scaled.is_narrow
    assert scaled.plain.identity() == baseline("unet").narrowed().identity()


def test_a_network_with_an_objective_has_a_row_too():
    scaled = baseline(f"jdrl-restormer{ENDING}")
    assert scaled.plain.card == baseline("jdrl-restormer").card
    names = [f"jdrl-restormer{ENDING}", f"wiener{ENDING}", f"nobody{ENDING}", "nobody"]
    assert list(known_baselines(names)) == names[:1]


def test_every_system_has_a_row_or_a_reason():
    reasons = {
        name: why_not_at_scales(system) for name, system in all_baselines().items()
    }
    assert reasons["restormer"] == reasons["jdrl-unet"] == ""
    assert (
        reasons["defocus-m"] == reasons["defocus-s"] == "is evaluated at scales already"
    )
    assert reasons["wiener"] == reasons["input"] == "has no network"
    assert "takes dual" in reasons["restormer-dual"]
    every = with_scales(list(all_baselines().values()))
    scaled = [system.card.name for system in every if system.trained_as is not None]
    assert scaled == [
        f"{name}{ENDING}" for name, reason in reasons.items() if not reason
    ]
    assert with_scales(every) == every


@pytest.mark.parametrize(
    "name",
    [
        "input@scales",
        "wiener@scales",
        "restormer-dual@scales",
        "defocus-m@scales",
        "restorme@scales",
        "restormer@scale",
        "restormer@scales@scales",
        "@scales",
    ],
)
def test_what_has_no_row_is_refused_in_one_line(name, refused):
    with refused(RegistryError):
        baseline(name)


def test_where_a_network_is_meant_a_row_is_refused(refused):
    assert plain_baseline("unet") == baseline("unet")
    with refused(RegistryError):
        plain_baseline(f"unet{ENDING}")


def test_our_networks_are_evaluated_at_scales_and_no_other_is():
    systems = all_baselines().values()
    scaled = {system.card.name for system in systems if system.card.at_scales}
    assert {"defocus-m", "defocus-s"} <= scaled
    assert {system.card.status for system in systems if system.card.at_scales} == {
        "own"
    }
    assert {system.card.reach_px for system in systems} == {24.0}


def test_a_row_finds_the_weights_of_its_network():
    system = replace(baseline("defocus-m"), card=replace(baseline("defocus-m").card))
    plain = replace(system, card=replace(system.card, at_scales=False))
    assert find_own_weights(at_scales(plain)) == find_own_weights(plain) is not None


def test_a_network_of_ones_own_says_how_far_it_reaches(refused):
    assert Baseline.of_network("mine", list, reach_px=40).card.reach_px == 40  # type: ignore[arg-type]
    for reach_px in (0, -1, float("nan")):
        with refused(ValueError):
            Baseline.of_network("mine", list, reach_px=reach_px)  # type: ignore[arg-type]
    with refused(ValueError):
        Card("two-views", "Two views", input="dual", at_scales=True)
