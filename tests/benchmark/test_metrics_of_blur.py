"""The metrics that use the estimated map of blur of the input: change in focus, consistency."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from defocus.baselines.operators.varying import kernel
from defocus.benchmark.metrics import consistency, in_focus_change
from defocus.benchmark.metrics.consistency import METRIC as CONSISTENCY
from defocus.benchmark.metrics.consistency import error_behind_blur
from defocus.benchmark.metrics.in_focus_change import METRIC as IN_FOCUS_CHANGE
from defocus.benchmark.metrics.metric import (
    MetricUnavailableError,
    Picture,
    all_metrics,
)
from defocus.blur import learned_map
from defocus.blur.learned_map import BlurMap
from defocus.pictures.values import linear_to_srgb, srgb_to_linear

SIDE = 96


def behind(picture: Picture, diameter_px: float) -> Picture:
    """A picture behind one disc, by a sum over its pixels: no code of the metric."""
    weights = kernel(diameter_px, "disc")
    reach = len(weights) // 2
    padded = np.pad(
        srgb_to_linear(picture), ((reach, reach), (reach, reach), (0, 0)), "symmetric"
    )
    total = np.zeros(picture.shape)
    for row, column in np.ndindex(weights.shape):
        part = padded[row : row + picture.shape[0], column : column + picture.shape[1]]
        total += weights[row, column] * part
    return np.asarray(linear_to_srgb(total))


@pytest.fixture(scope="module")
def sharp():
    return data.astronaut()[100 : 100 + SIDE, 160 : 160 + SIDE] / 255.0


@pytest.fixture(scope="module")
def blurry(sharp):
    """Its right half behind a disc of 5 px."""
    half = behind(sharp, 5.0)
    return np.where(np.arange(SIDE)[None, :, None] < SIDE // 2, sharp, half)


@pytest.fixture
def known_map(monkeypatch):
    """The map of blur as it is: 0 px in the left half, 5 px in the right one."""

    def use(left_px: float = 0.0, right_px: float = 5.0, highest: float = 1.0) -> None:
        cells = SIDE // 8
        diameters = np.full((cells, cells), right_px, np.float32)
        diameters[:, : cells // 2] = left_px
        strong = np.zeros_like(diameters)
        blur = BlurMap(diameters, highest * diameters, strong, (SIDE, SIDE))
        for module in (consistency, in_focus_change):
            monkeypatch.setattr(module, "kept_blur_map", lambda _: blur)

    use()
    return use


def everywhere() -> NDArray[np.bool_]:
    return np.ones((SIDE, SIDE), np.bool_)


def test_the_picture_behind_its_blur_is_the_input(known_map, sharp, blurry):
    truth = CONSISTENCY.score(sharp, blurry, everywhere())
    assert truth > 38, "only the border between the halves differs"
    noisy = np.clip(sharp + np.random.default_rng(0).normal(0, 0.1, sharp.shape), 0, 1)
    moved = np.roll(sharp, 2, axis=1)
    bright = np.clip(1.1 * sharp, 0, 1)
    exaggerated = np.clip(sharp + 0.5 * (sharp - behind(sharp, 3.0)), 0, 1)
    for other in (noisy, moved, bright):
        assert CONSISTENCY.score(other, blurry, everywhere()) < truth - 6
    assert CONSISTENCY.score(exaggerated, blurry, everywhere()) < truth - 1


def test_one_disc_leaves_no_error_inside(sharp):
    blurry = behind(sharp, 5.0)
    diameters = np.full((SIDE, SIDE), 5.0, np.float32)
    error = error_behind_blur(
        sharp.astype(np.float32), blurry.astype(np.float32), diameters
    )
    assert np.sqrt(error.max()) < 2e-3
    near = np.full((SIDE, SIDE), 7.0, np.float32)
    also = error_behind_blur(sharp.astype(np.float32), blurry.astype(np.float32), near)
    assert np.sqrt(also.max()) < 2e-3, "a map that is a little wrong does no harm"
    far = np.full((SIDE, SIDE), 16.0, np.float32)
    wrong = error_behind_blur(sharp.astype(np.float32), blurry.astype(np.float32), far)
    assert wrong.mean() > 100 * also.mean()


def test_a_change_counts_where_the_input_is_in_focus(known_map, blurry):
    assert IN_FOCUS_CHANGE.score(blurry, blurry, everywhere()) == 0
    shown = np.where(np.arange(SIDE)[None, :, None] < SIDE // 4, 0.5, blurry)
    expected = 255 * np.abs(shown - blurry)[:, : SIDE // 2].mean()
    measured = IN_FOCUS_CHANGE.score(shown, blurry, everywhere())
    # the map is smoothed at the border
    assert measured == pytest.approx(expected, rel=0.06)
    blurred_part = np.where(
        np.arange(SIDE)[None, :, None] >= 3 * SIDE // 4, 0.5, blurry
    )
    assert IN_FOCUS_CHANGE.score(blurred_part, blurry, everywhere()) == pytest.approx(
        0, abs=1e-6
    )
    left = everywhere()
    left[:, : SIDE // 4] = False
    assert IN_FOCUS_CHANGE.score(shown, blurry, left) == pytest.approx(0, abs=1e-6)


def test_a_picture_without_a_part_in_focus_has_no_such_change(
    known_map, blurry, refused
):
    known_map(left_px=6.0)
    with refused(MetricUnavailableError):
        IN_FOCUS_CHANGE.score(blurry, blurry, everywhere())


def test_the_map_is_estimated_once_for_all_systems(blurry, monkeypatch):
    asked = []
    estimate = learned_map.estimate_blur_map
    monkeypatch.setattr(
        learned_map, "estimate_blur_map", lambda one: asked.append(1) or estimate(one)
    )
    in_focus_change._of_content.cache_clear()
    first = CONSISTENCY.score(blurry, blurry, everywhere())
    assert CONSISTENCY.score(blurry, blurry, everywhere()) == first
    assert len(asked) == 1


def test_both_are_computed_only_if_named():
    for name in ("consistency", "in_focus_change"):
        metric = all_metrics()[name]
        assert metric.on_request
        assert metric.against == "input"
        assert not metric.remedy
