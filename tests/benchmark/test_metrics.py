"""PSNR, SSIM and MAE against scikit-image and against sums written out."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.metrics import structural_similarity

from defocus.benchmark.metrics.metric import (
    MetricUnavailableError,
    _metrics_beside,
    all_metrics,
    profile_metrics,
)
from defocus.benchmark.metrics.psnr import CAP_DB
from defocus.benchmark.metrics.ssim import whole_windows
from defocus.plugins import discovery
from defocus.plugins.discovery import Loaded, Offer

PSNR, SSIM, MAE = (all_metrics()[name] for name in ("psnr", "ssim", "mae"))


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A pair of float64 pictures in [0, 1]."""
    first, second = np.random.default_rng(5).random((2, 61, 83, 3))
    return first, second


def everywhere(picture: np.ndarray) -> np.ndarray:
    return np.ones(picture.shape[:2], dtype=bool)


def test_identical_pictures_get_finite_best_values():
    picture = pictures()[0]
    mask = everywhere(picture)
    assert PSNR.score(picture, picture, mask) == CAP_DB
    # 140 dB would pull any mean
    assert PSNR.score(picture + 1e-7, picture, mask) == CAP_DB
    assert SSIM.score(picture, picture, mask) == pytest.approx(1.0, abs=1e-12)
    # its square is 0.06
    assert MAE.score(picture, picture + 0.25, mask) == pytest.approx(0.25)


def test_masked_values_are_those_of_the_pixels_under_the_mask():
    restored, reference = pictures()
    inside = (slice(10, 40), slice(5, 60))  # a rectangle counts as if it were cut out
    mask = np.zeros(restored.shape[:2], dtype=bool)
    mask[inside] = True
    for metric in (PSNR, MAE, SSIM):
        cut = restored[inside], reference[inside]
        assert metric.score(restored, reference, mask) == pytest.approx(
            metric.score(*cut, everywhere(cut[0])), abs=1e-9
        )


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        (replace(MAE, name="theirs"), ""),
        (replace(MAE, unit="px"), "metric 'mae' is defined by"),
        (print, "'theirs' (their: module) has no Metric"),
    ],
)
def test_a_third_partys_metric_is_found_or_left_out_with_a_warning(
    monkeypatch, capsys, offered, said
):
    point = Offer("theirs", "entry point 'theirs' (their: module)", Loaded(offered))
    monkeypatch.setattr(discovery, "_brought_modules", lambda kind, inside: [point])
    _metrics_beside.cache_clear()
    try:
        metrics, of_profile = all_metrics(), profile_metrics("dpdd8")
    finally:
        _metrics_beside.cache_clear()
    assert list(metrics)[:4] == ["psnr", "ssim", "mae", "lpips"]
    assert metrics["mae"] is MAE
    assert ("theirs" in of_profile) == (not said)
    assert said in capsys.readouterr().err


def test_a_hole_costs_ssim_every_window_that_touches_it():
    mask = np.ones((30, 30), dtype=bool)
    mask[15, 12] = False
    expected = np.zeros((30, 30), dtype=bool)
    for y in range(3, 27):
        for x in range(3, 27):
            expected[y, x] = mask[y - 3 : y + 4, x - 3 : x + 4].all()
    np.testing.assert_array_equal(whole_windows(mask, 7), expected)
    restored, reference = pictures()
    restored, reference = restored[:30, :30], reference[:30, :30]
    channels = [
        structural_similarity(
            reference[..., c], restored[..., c], data_range=1, full=True
        )[1][expected].mean()
        for c in range(3)
    ]
    assert SSIM.score(restored, reference, mask) == pytest.approx(
        np.mean(channels), abs=1e-9
    )


@pytest.mark.parametrize("metric", [PSNR, SSIM, MAE], ids=lambda metric: metric.name)
@given(
    mask=arrays.arrays(np.bool_, (12, 14)).map(lambda holes: holes | _block()),
    noise=arrays.arrays(np.float64, (12, 14, 3), elements=st.floats(0, 1)),
)
def test_what_lies_outside_the_mask_never_counts(metric, mask, noise):
    random = np.random.default_rng(1)
    restored, reference = random.random((12, 14, 3)), random.random((12, 14, 3))
    changed = np.where(mask[:, :, None], restored, noise)
    assert metric.score(changed, reference, mask) == pytest.approx(
        metric.score(restored, reference, mask), abs=1e-9
    )


def _block() -> np.ndarray:
    block = np.zeros((12, 14), dtype=bool)
    block[2:10, 3:12] = True
    return block


@pytest.mark.parametrize(
    "metric", all_metrics().values(), ids=lambda metric: metric.name
)
def test_an_empty_mask_has_a_reason_instead_of_a_value(metric):
    picture = np.full((40, 40, 3), 0.5)
    with pytest.raises(MetricUnavailableError, match="no pixel can be scored"):
        metric.score(picture, picture, np.zeros((40, 40), dtype=bool))


def test_ssim_needs_one_whole_window(refused):
    picture = np.full((40, 40, 3), 0.5)
    thin = np.zeros((40, 40), dtype=bool)
    thin[10:16] = True
    with refused(MetricUnavailableError):
        SSIM.score(picture, picture, thin)
    thin[16, 10:17] = True
    assert SSIM.score(picture, picture, thin) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "metric", all_metrics().values(), ids=lambda metric: metric.name
)
def test_shapes_must_fit(metric):
    with pytest.raises(ValueError, match="shapes differ"):
        metric.score(
            np.zeros((8, 8, 3)), np.zeros((8, 9, 3)), np.ones((8, 8), dtype=bool)
        )


def test_what_is_no_number_is_no_score(refused):
    metric = replace(all_metrics()["psnr"], name="mine", compute=lambda *_: math.nan)
    picture = np.zeros((8, 8, 3))
    with refused(MetricUnavailableError):
        metric.score(picture, picture, np.ones((8, 8), np.bool_))
