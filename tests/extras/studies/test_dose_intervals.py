"""What the intervals and the bends of a study by dose mean, on planted trainings."""

import numpy as np
import pytest

from defocus.extras.studies.dose.analysis import added_bend, gain

SCENES = 40


def test_an_added_bend_is_told_from_the_noise_of_the_edges():
    rng = np.random.default_rng(3)
    # what noise bends in the blurry input
    before = rng.uniform(0.03, 0.15, (1, SCENES))
    for planted in (0.05, 0.127, 0.4):
        after = np.sqrt(np.square(before.repeat(3, axis=0)) + planted**2)
        bend = added_bend(after, before)
        assert bend.value == pytest.approx(planted)
        assert bend.low <= bend.value <= bend.high
    straighter = added_bend(before / 2, before)
    assert straighter.value < 0
    assert straighter.sign == -1


def test_scenes_of_one_photograph_are_drawn_together():
    """Their gains are alike, so that forty of them know little more than ten photographs do."""
    rng = np.random.default_rng(4)
    held = {"scenes": 0, "photographs": 0}
    origins = [f"photograph {number % 10}" for number in range(SCENES)]
    for _ in range(400):
        own = (
            0.5
            + np.tile(0.4 * rng.standard_normal(10), 4)
            + 0.1 * rng.standard_normal(SCENES)
        )
        for name, one in (("scenes", None), ("photographs", origins)):
            estimate = gain(own[None], np.zeros((1, SCENES)), one)
            held[name] += estimate.low <= 0.5 <= estimate.high
    assert held["scenes"] / 400 < 0.75
    assert held["photographs"] / 400 == pytest.approx(0.95, abs=0.03)


def coverage(seeds: int, seed_spread: float, scene_spread: float) -> float:
    """Share of planted studies whose interval holds the planted gain."""
    rng = np.random.default_rng(seeds)
    held = 0
    for _ in range(400):
        own = 0.5 + seed_spread * rng.standard_normal((seeds, 1))
        estimate = gain(
            own + scene_spread * rng.standard_normal((1, SCENES)), np.zeros((1, SCENES))
        )
        held += estimate.low <= 0.5 <= estimate.high
    return held / 400


@pytest.mark.parametrize(("seeds", "held"), [(3, 0.8), (5, 0.87)])
def test_intervals_hold_less_than_they_say_if_the_seeds_differ_most(seeds, held):
    """The page on JDRL names these shares beside its intervals."""
    assert coverage(seeds, 0.2, 0.2) == pytest.approx(held, abs=0.06)


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_hold_what_they_say_if_the_scenes_differ_most(seeds):
    assert coverage(seeds, 0.02, 0.6) == pytest.approx(0.95, abs=0.03)
