"""Statistics against known truths: coverage, level and power of the test, ranks."""

import math
from itertools import combinations, product
from statistics import NormalDist

import numpy as np
import pytest

from defocus.benchmark.statistics.resampling import (
    MINIMUM_SCENES,
    groups_alike,
    holm,
    mean_intervals,
    minimum_detectable,
    paired_p_values,
    rank_ranges,
    resampled_means,
    scene_codes,
    scene_sums,
)

RANDOM = np.random.default_rng


def study(
    random: np.random.Generator, scenes: int, seeds: int
) -> tuple[np.ndarray, list[int]]:
    """Scores of a population whose mean is 30: ``(1, seeds, pictures)`` and the scenes."""
    codes = [scene for scene in range(scenes) for _ in range(random.integers(1, 5))]
    level = random.normal(0.0, 2.0, scenes)[codes] + random.normal(0.0, 0.5, len(codes))
    trainings = random.normal(0.0, 0.4, (seeds, 1)) if seeds > 1 else np.zeros((1, 1))
    return (30.0 + level + trainings)[None], codes


@pytest.mark.parametrize(
    ("scenes", "seeds", "lowest"), [(10, 1, 0.92), (30, 1, 0.91), (25, 5, 0.9)]
)
def test_coverage(scenes, seeds, lowest):
    random = RANDOM(8)
    hits = 0
    for _ in range(200):
        values, codes = study(random, scenes, seeds)
        interval = mean_intervals(values, tuple(codes))
        hits += interval[0, 0] <= 30.0 <= interval[0, 1]
    assert lowest <= hits / 200 <= 0.995


def test_no_interval_below_ten_scenes():
    nine, ten = (study(RANDOM(1), scenes, 1) for scenes in (9, 10))
    assert mean_intervals(nine[0], tuple(nine[1])) is None
    assert mean_intervals(ten[0], tuple(ten[1])) is not None
    assert MINIMUM_SCENES == 10


T_975, T_800 = 2.262157, 0.883404
"""Student's quantiles of nine degrees of freedom, from a printed table."""


def test_an_interval_of_ten_scenes_has_nine_degrees_of_freedom():
    values = RANDOM(2).normal(size=(1, 1, 10))
    codes = tuple(range(10))
    tail = NormalDist().cdf(-math.sqrt(10 / 9) * T_975)
    expected = np.quantile(resampled_means(values, codes)[0], [tail, 1 - tail])
    assert mean_intervals(values, codes) == pytest.approx(expected[None], rel=1e-6)


def test_a_detectable_difference_of_ten_scenes_has_nine_degrees_of_freedom():
    difference = RANDOM(2).normal(size=10)
    error = difference.std(ddof=1) / math.sqrt(10)
    stated = minimum_detectable(np.stack([difference, np.zeros(10)]), np.ones(10))
    assert stated == pytest.approx(error * (T_975 + T_800), rel=1e-5)
    assert minimum_detectable(np.zeros((2, 9)), np.ones(9)) is None
    assert minimum_detectable(np.zeros((1, 30)), np.ones(30)) is None


def test_scenes_are_drawn_and_not_pictures():
    """A hundred equal pictures per scene say nothing more than one."""
    values = RANDOM(3).normal(size=(1, 1, 12))
    once = mean_intervals(values, tuple(range(12)))
    copies = mean_intervals(
        np.repeat(values, 100, axis=2), tuple(np.repeat(range(12), 100).tolist())
    )
    assert once is not None
    assert copies == pytest.approx(once)


def test_seeds_that_differ_widen_the_interval():
    """Five trainings that score every picture alike; the training is drawn with the scenes."""
    values, codes = study(RANDOM(4), 40, 1)
    same = np.repeat(values, 5, axis=1)
    apart = same + np.linspace(-2, 2, 5)[:, None]
    narrow, wide = (
        mean_intervals(same, tuple(codes)),
        mean_intervals(apart, tuple(codes)),
    )
    assert narrow is not None
    assert wide is not None
    assert np.diff(wide) > 1.5 * np.diff(narrow)
    assert resampled_means(same, tuple(codes)) == pytest.approx(
        resampled_means(values, tuple(codes))
    )


def test_p_values_equal_the_enumeration_of_all_swaps():
    random = RANDOM(5)
    values, codes = random.normal(size=(3, 15)), scene_codes(list("aabbccdddeffghi"))
    values[1] += 0.4
    sums = scene_sums(values, codes)
    assert sums[0, 0] == pytest.approx(values[0, 0] + values[0, 1])
    p_values = paired_p_values(sums)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        difference = sums[one] - sums[other]
        totals = [
            abs(np.dot(signs, difference)) for signs in product((1, -1), repeat=9)
        ]
        expected = np.mean(np.array(totals) >= abs(difference.sum()) - 1e-12)
        assert p_values[one, other] == p_values[other, one] == pytest.approx(expected)


@pytest.mark.parametrize("scenes", [16, 40])
def test_many_systems_can_still_be_told_apart(scenes):
    """Thirty-five systems, as a first run has: one is worse by far more than scenes spread."""
    random = RANDOM(8)
    sums = random.normal(25, 3, scenes) + random.normal(0, 0.05, (35, scenes))
    sums[-1] -= 1.0
    p_values = paired_p_values(sums)
    pairs = list(combinations(range(35), 2))
    adjusted = dict(
        zip(pairs, holm([float(p_values[pair]) for pair in pairs]), strict=True)
    )
    assert all(adjusted[one, 34] <= 0.05 for one in range(34))
    assert (
        sum(value <= 0.05 for (_, other), value in adjusted.items() if other != 34) <= 2
    )


def test_holm_as_in_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_groups_hold_no_pair_that_differs():
    pairs = {frozenset(pair) for pair in (("a", "c"), ("a", "d"), ("b", "d"))}
    assert groups_alike("abcd", pairs) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert groups_alike("abc", set()) == [("a", "b", "c")]
    assert groups_alike("ab", {frozenset("ab")}) == []


def test_ranks_that_never_change_and_ranks_that_do():
    random = RANDOM(9)
    means = np.stack(
        [np.full(400, 9.0), random.normal(0, 1, 400), random.normal(0, 1, 400)]
    )
    ranges, first = rank_ranges(means, higher_is_better=True)
    assert ranges.tolist() == [[1, 1], [2, 3], [2, 3]]
    assert first.tolist() == [1.0, 0.0, 0.0]
    assert rank_ranges(means, higher_is_better=False)[0][0].tolist() == [3, 3]
