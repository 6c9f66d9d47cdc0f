"""Rendering pairs in memory."""

import numpy as np
import pytest

import defocus
from defocus.errors import ImageError, InputError, OpticsError
from defocus.images import as_float

PICTURE = np.random.default_rng(4).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("dataset", "misaligned"), [("sample", "mild"), ("sample:strong", "strong")]
)
def test_a_sample_scene_is_that_of_the_dataset(dataset, misaligned):
    pair = defocus.open_dataset(dataset).split("test")[0]
    rendered = defocus.render(pair.id, misaligned=misaligned)
    for role in ("blurry", "sharp", "truth", "flow", "defocus_map"):
        np.testing.assert_array_equal(getattr(rendered, role), getattr(pair, role), role)


def test_a_plane_in_focus_stays_sharp_and_one_behind_does_not():
    near, far = (
        defocus.render(PICTURE, np.full((48, 64), depth), focus_mm=1000.0)
        for depth in (1000.0, 4000.0)
    )
    assert np.abs(near.defocus_map).max() < 1e-6
    assert far.defocus_map.min() > 1.5
    assert not near.flow.any()
    blur = [float(np.abs(as_float(p.blurry) - as_float(p.truth)).mean()) for p in (near, far)]
    assert blur[1] > 2 * blur[0]
    again = defocus.render(PICTURE, np.full((48, 64), 4000.0), focus_mm=1000.0)
    np.testing.assert_array_equal(again.blurry, far.blurry)


def test_the_lens_of_a_sample_scene_can_be_another():
    wide, narrow = (defocus.render("cafe", f_number=number) for number in (2.0, 8.0))
    ratio = np.abs(wide.defocus_map).max() / np.abs(narrow.defocus_map).max()
    assert ratio == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize(
    ("scene", "settings", "message"),
    [
        ("caffe", {}, "no scene 'caffe'; there are astronaut"),
        (PICTURE, {}, "a picture is rendered with depth_mm"),
        (PICTURE, {"depth_mm": np.ones((40, 64))}, r"shape \(40, 64\); a scene of 64x48 needs"),
        (PICTURE, {"depth_mm": np.zeros((48, 64))}, "finite and above 0"),
        (PICTURE[:20], {"depth_mm": np.ones((20, 64))}, "give 32 px a side or more"),
        ("cafe", {"misaligned": "much"}, "no misalignment 'much'"),
        ("cafe", {"f_number": "2"}, "f_number is '2'; give a number"),
        (PICTURE, {"depth_mm": "far"}, "depth_mm is of type str; give an array of numbers"),
        ("cafe", {"focus_mm": float("nan")}, "focus_mm is nan; give a finite number"),
        ("cafe", {"focus_mm": True}, "focus_mm is True; give a number"),
    ],
)
def test_bad_requests_are_one_line(scene, settings, message):
    with pytest.raises(InputError, match=message):
        defocus.render(scene, **settings)


def test_an_impossible_lens_is_refused():
    with pytest.raises(OpticsError, match="focus distance"):
        defocus.render("cafe", focus_mm=40.0)
    with pytest.raises(ImageError, match="scene is int64"):
        defocus.render(PICTURE.astype(np.int64), np.ones((48, 64)))
