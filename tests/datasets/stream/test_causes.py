"""What training pairs show besides defocus: how often, how strongly, and what they leave alone."""

import numpy as np
import pytest

from defocus.datasets.stream import causes as module
from defocus.datasets.stream.causes import (
    DEVELOPED_SHARE,
    NOISY_SHARE,
    SOFTNESS_SHARE,
    STRONG_SHOT,
    WEAK_PX,
    Causes,
    draw_causes,
)
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import Photographs
from defocus.scene import pyramid
from defocus.scene.camera import StreamCamera
from defocus.scene.depth import Focus
from defocus.scene.drawn_lens import draw_lens
from defocus.scene.lens_file import MeasuredLens
from defocus.scene.pictures import Photograph
from defocus.scene.pyramid import Pyramid

DRAWN = [draw_causes(number) for number in range(3000)]
MEMBERS = ("blurry", "sharp", "diameters")


def first(is_wanted):
    return next(number for number, causes in enumerate(DRAWN) if is_wanted(causes))


def renderer(branch="train"):
    return Renderer(Photographs(), branch)


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in MEMBERS
    )


def test_each_cause_has_its_share():
    soft = [one for one in DRAWN if one.softness is not None]
    noisy = [one for one in DRAWN if one.noise is not None]
    developed = [one for one in DRAWN if one.development is not None]
    assert len(soft) / 3000 == pytest.approx(
        SOFTNESS_SHARE * (1 - NOISY_SHARE), abs=0.02
    )
    assert len(noisy) / 3000 == pytest.approx(NOISY_SHARE, abs=0.01)
    assert len(developed) / 3000 == pytest.approx(DEVELOPED_SHARE, abs=0.02)
    assert sum(one == Causes() for one in DRAWN) > 0.7 * 3000
    alone = sum(one.weakest == 0 for one in soft)
    assert alone / len(soft) == pytest.approx(0.5, abs=0.1)


def test_softness_comes_alone_or_with_weak_defocus():
    for causes in DRAWN:
        focus = causes.focus(Focus(12.0, -6.0))
        if causes.noise is not None:
            assert causes.softness is None
            assert focus.largest == 0
        elif causes.softness is not None:
            assert focus.largest == pytest.approx(causes.weakest)
            assert causes.weakest <= WEAK_PX
        else:
            assert focus == Focus(12.0, -6.0)
    soft = next(one for one in DRAWN if one.weakest > 0.5)
    weak = Focus(0.4, 0.1)
    assert soft.focus(weak) == weak


def test_a_camera_at_1_to_1_has_mosaic_noise_reduction_and_sharpening():
    for causes in DRAWN:
        camera = causes.camera(StreamCamera(quality=90))
        if causes.development is not None:
            assert camera.mosaic
            assert 0 <= camera.sharpening <= 1.5
            assert causes.reduction.luma > 0
        if causes.noise is not None:
            assert STRONG_SHOT[0] <= camera.shot <= STRONG_SHOT[1]
        if causes == Causes():
            assert camera == StreamCamera(quality=90)
        assert camera.quality == 90


def test_pairs_are_the_same_in_any_order_and_process():
    numbers = [
        first(lambda one: one.noise is not None),
        first(lambda one: one.weakest > 0),
        first(lambda one: one.development is not None),
    ]
    forward, backward = renderer(), renderer()
    pairs = [forward.pair(number, 32) for number in numbers]
    again = [backward.pair(number, 32) for number in reversed(numbers)]
    assert all(
        same(one, other) for one, other in zip(pairs, reversed(again), strict=True)
    )


def test_a_noisy_picture_in_focus_stays_as_it_is():
    number = first(lambda one: one.noise is not None)
    pair = renderer().pair(number, 48)
    np.testing.assert_array_equal(pair.blurry, pair.sharp)
    assert not pair.diameters.any()


def test_a_soft_pair_has_a_sharp_target():
    number = first(
        lambda one: (
            one.softness is not None
            and one.softness.sigma_px > 1.5
            and one.weakest == 0
            and one.development is None
        )
    )
    soft = renderer().pair(number, 64)
    sigma = draw_causes(number).softness.sigma_px
    np.testing.assert_allclose(np.abs(soft.diameters), 4 * sigma, rtol=1e-5)
    steep = [
        float(np.abs(np.diff(one, axis=1)).max()) for one in (soft.blurry, soft.sharp)
    ]
    assert steep[0] < 0.8 * steep[1]


def test_pairs_without_a_cause_and_held_out_ones_are_those_without_causes(monkeypatch):
    plain = first(lambda one: one == Causes())
    cases = [
        ("train", plain),
        ("held-out", 0),
        ("held-out", first(lambda one: one.noise)),
    ]
    before = [renderer(branch).pair(number, 32) for branch, number in cases]
    for share in ("SOFTNESS_SHARE", "DEVELOPED_SHARE", "NOISY_SHARE"):
        monkeypatch.setattr(module, share, 0.0)
    after = [renderer(branch).pair(number, 32) for branch, number in cases]
    assert all(same(one, other) for one, other in zip(before, after, strict=True))
    for share in ("SOFTNESS_SHARE", "DEVELOPED_SHARE", "NOISY_SHARE"):
        monkeypatch.setattr(module, share, 1.0)
    every = [renderer(branch).pair(number, 32) for branch, number in cases]
    changed = [not same(one, other) for one, other in zip(before, every, strict=True)]
    assert changed == [True, False, False]


def test_pairs_of_a_measured_lens_have_no_other_causes():
    number = first(lambda one: one.noise is not None)
    lens = MeasuredLens(draw_lens(np.random.default_rng(0)), (4.0,))
    pair = Renderer(Photographs(lens=lens), "train").pair(number, 32)
    assert not np.array_equal(pair.blurry, pair.sharp)


def test_only_the_training_branch_keeps_parts_of_large_photographs(
    photographs, monkeypatch
):
    monkeypatch.setattr(pyramid, "WHOLE_PIXELS", 120 * 100)
    kinds = {
        branch: {type(one) for one in Renderer(photographs, branch).sources.photographs}
        for branch in ("train", "held-out")
    }
    assert kinds == {"train": {Pyramid}, "held-out": {Photograph}}
