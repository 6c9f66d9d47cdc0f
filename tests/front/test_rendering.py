"""Rendering pairs in memory."""

import numpy as np
import pytest

import defocus
from defocus.datasets import sample
from defocus.pictures.values import as_float

PICTURE = np.random.default_rng(4).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("dataset", "misaligned"), [("sample", "mild"), ("sample:strong", "strong")]
)
def test_a_sample_scene_is_that_of_the_dataset(
    dataset, misaligned, tmp_path, monkeypatch
):
    render = defocus.render  # what it loads knows all scenes
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path))
    monkeypatch.setattr(
        sample, "SCENES", [one for one in sample.SCENES if one.name == "cafe"]
    )
    (pair,) = defocus.open_dataset(dataset)
    rendered = render(pair.id, misaligned=misaligned)
    for role in ("blurry", "sharp", "truth", "flow", "defocus_map"):
        np.testing.assert_array_equal(
            getattr(rendered, role), getattr(pair, role), role
        )


def test_a_plane_in_focus_stays_sharp_and_one_behind_does_not():
    near, far = (
        defocus.render(PICTURE, np.full((48, 64), depth), focus_mm=1000.0)
        for depth in (1000.0, 4000.0)
    )
    assert np.abs(near.defocus_map).max() < 1e-6
    assert far.defocus_map.min() > 1.5
    assert not near.flow.any()
    blur = [
        float(np.abs(as_float(p.blurry) - as_float(p.truth)).mean())
        for p in (near, far)
    ]
    assert blur[1] > 2 * blur[0]
    again = defocus.render(PICTURE, np.full((48, 64), 4000.0), focus_mm=1000.0)
    np.testing.assert_array_equal(again.blurry, far.blurry)


def test_the_lens_of_a_sample_scene_can_be_another():
    wide, narrow = (defocus.render("cafe", f_number=number) for number in (2.0, 8.0))
    ratio = np.abs(wide.defocus_map).max() / np.abs(narrow.defocus_map).max()
    assert ratio == pytest.approx(4.0, rel=1e-3)
