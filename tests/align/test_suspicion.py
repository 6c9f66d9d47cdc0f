"""Pairs beside each other: who is unlike the others is suspected, and nobody else."""

import numpy as np
import pytest

from defocus.align.sharp_member.suspicion import (
    COMPARISONS,
    EFFECTS,
    numbers_of,
    suspicions,
)

RANDOM = np.random.default_rng(3)
GOOD = {
    f"p{k}": {"moved_stops": float(RANDOM.uniform(0, 0.02)), "gain_ev": -0.1}
    for k in range(20)
}


def test_who_differs_is_suspected_the_most_first():
    pairs = GOOD | {
        "odd": {"moved_stops": 0.08},
        "worse": {"moved_stops": 0.5, "gain_ev": 0.4},
    }
    found = suspicions(pairs)
    assert list(found) == ["worse", "odd"]
    first, second = found["worse"]
    assert (first.number, second.number) == ("moved_stops", "gain_ev")
    assert first.size > second.size > 1
    assert (first.rejects, second.rejects) == (True, False)
    assert first.text == (
        f"something moved or lies before the lens, 0.50 stops that no blur explains; other pairs "
        f"have {first.usual:.2f}"
    )


def test_good_pairs_and_equal_ones_are_not_suspected():
    assert suspicions(GOOD) == {}
    assert suspicions({f"p{k}": {"gain_ev": 0.3} for k in range(12)}) == {}
    assert suspicions({}) == {}


def test_few_others_say_nothing_but_what_is_odd_by_itself():
    few = {f"p{k}": {"moved_stops": 0.0, "bands_ev": 0.0} for k in range(8)}
    found = suspicions(few | {"p7": {"moved_stops": 0.2, "bands_ev": 0.2}})
    (one,) = found["p7"]
    assert (one.number, one.usual) == ("bands_ev", None)
    assert one.text == "bands of lamps along the rows, ± 0.20 EV"


def test_pairs_that_vary_are_given_more_room():
    """The same number is odd among equal pairs, and usual among varied ones."""
    varied = {f"p{k}": {"moved_stops": 0.02 * (k % 8)} for k in range(16)}
    assert "odd" in suspicions(GOOD | {"odd": {"moved_stops": 0.2}})
    assert suspicions(varied | {"odd": {"moved_stops": 0.2}}) == {}


def test_a_fifth_of_bad_pairs_hides_none():
    bad = {f"b{k}": {"moved_stops": 0.1 + 0.1 * k} for k in range(5)}
    assert set(suspicions(GOOD | bad)) == set(bad)


def test_a_cause_comes_before_what_it_makes():
    """A strap is darker in small places too, and more so than dust."""
    others = {f"p{k}": {"corner_ev": 0.0, "dark_stops": 0.0} for k in range(12)}
    found = suspicions(others | {"odd": {"corner_ev": 0.2, "dark_stops": 0.4}})
    first, second = found["odd"]
    assert (first.number, second.number) == ("corner_ev", "dark_stops")
    assert first.size == second.size
    (dust,) = suspicions(others | {"odd": {"dark_stops": 0.4}})["odd"]
    assert dust.size == second.size


def test_every_cause_stands_before_its_effects():
    order = [one.number for one in COMPARISONS]
    for cause, effects in EFFECTS.items():
        assert all(order.index(cause) < order.index(effect) for effect in effects)


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda one: one.number)
def test_each_comparison_says_its_fault_on_its_side(comparison):
    others = {f"p{k}": {comparison.number: 0.0} for k in range(10)}
    far = 3 * comparison.least * (-1 if comparison.side == "below" else 1)
    (one,) = suspicions(others | {"odd": {comparison.number: far}})["odd"]
    assert one.size > 1
    assert "{" not in one.text
    back = suspicions(others | {"odd": {comparison.number: -far}})
    assert ("odd" in back) == (comparison.side == "either")


@pytest.mark.parametrize(
    ("number", "some", "sure"),
    [("absent_discs", 3.0, 4.0), ("dark_stops", 0.2, 0.3)],
)
def test_a_number_that_chance_gives_too_is_said_and_rejects_from_a_sure_one_on(
    number, some, sure
):
    others = {f"p{k}": {number: 0.0} for k in range(12)}
    found = suspicions(others | {"some": {number: some}, "many": {number: sure}})
    assert found["some"][0].size > 2
    assert not found["some"][0].rejects
    assert found["many"][0].rejects


def test_numbers_are_those_of_a_document_of_any_version():
    document = {
        "moved_stops": 0.1,
        "blurrier_share": None,
        "causes": [],
        "sharp_member": None,
    }
    assert numbers_of(document) == {"moved_stops": 0.1}
    assert numbers_of({"sharp_member": {"smear": 1}}) == {"smear": 1.0}
    assert numbers_of({}) == {}
