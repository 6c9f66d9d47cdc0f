"""The scene interval: its coverage on data whose mean is known."""

import numpy as np
import pytest

from defocus.benchmark.statistics import scene_interval


def scenes(random: np.random.Generator, count: int, *, skewed: bool) -> dict[str, list[float]]:
    """Scenes of one to four pictures; the population mean is 30."""
    spread = random.exponential(2.0, count) - 2.0 if skewed else random.normal(0.0, 2.0, count)
    return {
        f"scene{index}": list(30.0 + level + random.normal(0.0, 0.5, random.integers(1, 5)))
        for index, level in enumerate(spread)
    }


@pytest.mark.parametrize(
    ("count", "skewed", "lowest"), [(10, False, 0.92), (30, False, 0.91), (12, True, 0.86)]
)
def test_coverage(count: int, skewed: bool, lowest: float) -> None:
    random = np.random.default_rng(8)
    hits = 0
    for _ in range(500):
        interval = scene_interval(scenes(random, count, skewed=skewed), resamples=800)
        assert interval is not None
        hits += interval[0] <= 30.0 <= interval[1]
    assert lowest <= hits / 500 <= 0.99


def test_no_interval_below_ten_scenes() -> None:
    random = np.random.default_rng(1)
    assert scene_interval(scenes(random, 9, skewed=False)) is None
    assert scene_interval(scenes(random, 10, skewed=False)) is not None


def test_the_interval_holds_the_mean_over_pictures_and_is_reproducible() -> None:
    values = scenes(np.random.default_rng(4), 20, skewed=False)
    mean = np.mean([value for each in values.values() for value in each])
    low, high = scene_interval(values) or (0.0, 0.0)
    assert low < mean < high
    backwards = dict(reversed(values.items()))
    assert scene_interval(backwards) == (low, high)


def test_scenes_are_drawn_and_not_pictures() -> None:
    """A hundred copies of each picture say nothing more than one."""
    once = {f"scene{index}": [float(index)] for index in range(12)}
    copies = {name: values * 100 for name, values in once.items()}
    assert scene_interval(copies) == pytest.approx(scene_interval(once))


def test_a_higher_confidence_is_wider() -> None:
    values = scenes(np.random.default_rng(4), 15, skewed=False)
    narrow, wide = scene_interval(values, 0.8), scene_interval(values, 0.99)
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
