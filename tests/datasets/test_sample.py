"""The sample dataset against what it says about itself: geometry, optics, exposure, splits."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

from defocus.datasets.api import open_dataset
from defocus.datasets.sample import SCENES, VARIANTS
from defocus.errors import DatasetError
from defocus.images import as_float, read_image, srgb_to_linear

EXPECTED = Path(__file__).parent / "sample_pixels.json"
WHOLE = (pytest.param(name, marks=pytest.mark.full) for name in ("whole_strong", "whole_wide"))
DATASETS = ["mild", "strong", "wide", *WHOLE]
"""``strong`` and ``wide`` have some of their scenes."""


@pytest.fixture(params=DATASETS)
def dataset(request):
    return request.getfixturevalue(request.param)


def linear(path):
    return np.asarray(srgb_to_linear(as_float(read_image(path), np.float64)))


def array(path):
    return np.asarray(np.load(path))


def truth_of(pair):
    return pair.metadata["true_misalignment"]


def psnr(first, second):
    return -10.0 * math.log10(float(((first - second) ** 2).mean()))


def warped(picture, flow):
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]].astype(np.float64)
    where = [y + flow[1], x + flow[0]]
    planes = [scipy.ndimage.map_coordinates(picture[..., c], where, order=3) for c in range(3)]
    return np.stack(planes, axis=-1)


def test_scenes_of_three_splits_with_everything_known(dataset):
    assert dataset.rendered
    splits = [len(dataset.split(split)) for split in ("train", "validation", "test")]
    assert splits == {4: [1, 1, 2], 5: [3, 0, 2], 24: [7, 1, 16]}[len(dataset.pairs)]
    for pair in dataset.pairs:
        blurry = read_image(pair.blurry)
        height, width = blurry.shape[:2]
        assert blurry.dtype == np.uint16
        assert 160 <= min(height, width) <= max(height, width) <= 384
        for role in ("sharp", "truth", "dual_pixel_left", "dual_pixel_right"):
            assert read_image(getattr(pair, role)).shape == blurry.shape
        assert array(pair.flow).shape == (2, height, width)
        assert array(pair.defocus_map).shape == (height, width)
        assert array(pair.flow).dtype == array(pair.defocus_map).dtype == np.float32


def test_no_scene_and_no_source_picture_is_in_two_splits():
    split_of = {}
    for scene in SCENES:
        for picture in scene.pictures:
            assert split_of.setdefault(picture, scene.split) == scene.split, picture
    assert len({scene.name for scene in SCENES}) == len(SCENES) == 24


def test_true_flow_brings_the_sharp_picture_onto_the_truth(dataset):
    for pair in dataset.pairs:
        sharp, truth, flow = linear(pair.sharp), linear(pair.truth), array(pair.flow)
        sharp = sharp * 2.0 ** truth_of(pair)["gain_ev"]
        unclipped = (truth < 0.9).all(axis=2)
        unclipped[:12] = unclipped[-12:] = False
        unclipped[:, :12] = unclipped[:, -12:] = False
        right = psnr(warped(sharp, flow)[unclipped], truth[unclipped])
        assert right > 32.0, pair.id
        assert right > psnr(sharp[unclipped], truth[unclipped]) + 2.0, pair.id
        assert right > psnr(warped(sharp, -flow)[unclipped], truth[unclipped]) + 6.0, pair.id


def test_flow_is_the_stored_similarity(dataset):
    for pair in dataset.pairs:
        flow, truth = array(pair.flow), truth_of(pair)
        height, width = flow.shape[1:]
        cx, cy = (width - 1) / 2, (height - 1) / 2
        angle = math.radians(truth["rotation_deg"])
        for x, y in [(0, 0), (width - 1, 0), (7, height - 1), (width // 2, height // 3)]:
            dx, dy = x - cx, y - cy
            xs = cx + truth["zoom"] * (math.cos(angle) * dx - math.sin(angle) * dy)
            ys = cy + truth["zoom"] * (math.sin(angle) * dx + math.cos(angle) * dy)
            expected = [xs + truth["shift_px"][0] - x, ys + truth["shift_px"][1] - y]
            assert np.allclose(flow[:, y, x], expected, atol=1e-4)


def test_size_of_the_misalignment(mild, strong, wide):
    for pair in (*mild.pairs, *wide.pairs):
        assert 0.1 < np.hypot(*array(pair.flow)).max() < 1.0, pair.id
    for pair in strong.pairs:
        truth = truth_of(pair)
        assert 3.0 < np.hypot(*array(pair.flow)).max() < 12.0, pair.id
        assert math.hypot(*truth["shift_px"]) > 2.0
        assert abs(truth["zoom"] - 1.0) > 0.005


def test_circles_are_up_to_15_px_and_beyond(mild, strong, wide):
    for pair in (*mild.pairs, *strong.pairs):
        assert 7.5 < np.abs(array(pair.defocus_map)).max() <= 15.0, pair.id
    every = np.concatenate([np.abs(array(p.defocus_map)).ravel() for p in mild.split("test")])
    assert (every < 6.0).mean() > 0.75  # as lenses blur most of a picture
    assert every.max() > 13.0
    for pair in wide.pairs:
        assert np.abs(array(pair.defocus_map)).max() > 15.0, pair.id
    for data in (mild, wide):  # both sides of the focus plane
        assert all(array(pair.defocus_map).min() < -2.0 for pair in data.pairs)
        assert all(array(pair.defocus_map).max() > 2.0 for pair in data.pairs)


def test_blur_is_where_the_defocus_map_says(dataset):
    for pair in dataset.pairs:
        blurry, truth, circles = linear(pair.blurry), linear(pair.truth), array(pair.defocus_map)
        near_blur = scipy.ndimage.maximum_filter(np.abs(circles), 31)
        in_focus = near_blur < 1.0
        if in_focus.sum() > 500:
            unclipped = in_focus & (truth < 0.98).all(axis=2)
            assert psnr(blurry[unclipped], truth[unclipped]) > 40.0, pair.id
        detail_blurry, detail_truth = (
            np.abs(scipy.ndimage.laplace(picture.mean(axis=2))) for picture in (blurry, truth)
        )
        out = np.abs(circles) > 5.0
        assert detail_blurry[out].mean() < 0.5 * detail_truth[out].mean(), pair.id


def test_views_have_the_blurry_picture_as_their_mean_and_disparity_of_both_signs(dataset):
    """By one step of Lucas and Kanade on either side of the focus plane."""
    for pair in dataset.pairs:
        left, right = linear(pair.dual_pixel_left), linear(pair.dual_pixel_right)
        blurry, circles = linear(pair.blurry), array(pair.defocus_map)
        # Two 16-bit roundings; where they are coarsest, at white, a step is 1 / 29,000.
        assert np.abs((left + right) / 2 - blurry).max() < 1e-4, pair.id
        smooth = [scipy.ndimage.gaussian_filter(view.mean(axis=2), 2) for view in (left, right)]
        slope = np.gradient((smooth[0] + smooth[1]) / 2, axis=1)
        for where, sign in ((circles > 2.5, 1), (circles < -2.5, -1)):
            if where.sum() > 2000:
                shift = (slope * (smooth[0] - smooth[1]))[where].sum() / (slope**2)[where].sum()
                assert sign * shift > 0.05, (pair.id, sign)


def test_pixels_are_the_stored_ones_within_one_step(dataset):
    """Across machines and versions; the table is what :func:`sampled` gave when it was made."""
    expected = json.loads(EXPECTED.read_text())[dataset.name]
    for pair in dataset.pairs:
        for role, values in expected[pair.id].items():
            found = sampled(getattr(pair, role))
            assert np.abs(found - np.array(values)).max() <= 1, (pair.id, role)


def sampled(path):
    """A coarse grid of pixels of a picture, flat."""
    return read_image(path)[20::75, 20::75].astype(np.int64).ravel()


def test_metadata_is_json_and_names_lens_and_sources(dataset):
    for pair in dataset.pairs:
        document = json.loads(json.dumps(dict(pair.metadata)))
        lens = {"focal_length_mm", "f_number", "focus_distance_mm", "sensor_pitch_um"}
        assert set(document["lens"]) == lens
        assert document["sources"]


def test_variants_differ_and_share_their_truth(mild, strong):
    assert len({mild.content_hash, strong.content_hash}) == 2
    truths = {pair.id: linear(pair.truth) for pair in mild.pairs}
    assert all(np.array_equal(truths[pair.id], linear(pair.truth)) for pair in strong.pairs)


def test_unknown_variant_names_the_known():
    with pytest.raises(DatasetError, match="sample:strong"):
        open_dataset("sample:huge")
    assert [variant.dataset for variant in VARIANTS] == ["sample", "sample:strong", "sample:wide"]
