"""The sample dataset against what it says about itself: geometry, optics, exposure, splits."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from defocus.datasets.sample import SCENES
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, srgb_to_linear

EXPECTED = Path(__file__).parent / "sample_pixels.json"
WHOLE = (
    pytest.param(name, marks=pytest.mark.full)
    for name in ("whole_strong", "whole_wide")
)
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


def test_flow_is_the_stored_similarity(dataset):
    for pair in dataset.pairs:
        flow, truth = array(pair.flow), truth_of(pair)
        height, width = flow.shape[1:]
        cx, cy = (width - 1) / 2, (height - 1) / 2
        angle = math.radians(truth["rotation_deg"])
        for x, y in [
            (0, 0),
            (width - 1, 0),
            (7, height - 1),
            (width // 2, height // 3),
        ]:
            dx, dy = x - cx, y - cy
            xs = cx + truth["zoom"] * (math.cos(angle) * dx - math.sin(angle) * dy)
            ys = cy + truth["zoom"] * (math.sin(angle) * dx + math.cos(angle) * dy)
            expected = [xs + truth["shift_px"][0] - x, ys + truth["shift_px"][1] - y]
            assert np.allclose(flow[:, y, x], expected, atol=1e-4)


def test_circles_are_up_to_15_px_and_beyond(mild, strong, wide):
    for pair in (*mild.pairs, *strong.pairs):
        assert 7.5 < np.abs(array(pair.defocus_map)).max() <= 15.0, pair.id
    every = np.concatenate(
        [np.abs(array(p.defocus_map)).ravel() for p in mild.split("test")]
    )
    assert (every < 6.0).mean() > 0.75  # as lenses blur most of a picture
    assert every.max() > 13.0
    for pair in wide.pairs:
        assert np.abs(array(pair.defocus_map)).max() > 15.0, pair.id
    for data in (mild, wide):  # both sides of the focus plane
        assert all(array(pair.defocus_map).min() < -2.0 for pair in data.pairs)
        assert all(array(pair.defocus_map).max() > 2.0 for pair in data.pairs)


def test_pixels_are_the_stored_ones_within_one_step(dataset):
    """Across machines and versions; the table is what :func:`sampled` gave when it was made."""
    expected = json.loads(EXPECTED.read_text())[dataset.name]
    for pair in dataset.pairs:
        for role, values in expected[pair.id].items():
            pixels = sampled(getattr(pair, role))
            assert np.abs(pixels - np.array(values)).max() <= 1, (pair.id, role)


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
    assert all(
        np.array_equal(truths[pair.id], linear(pair.truth)) for pair in strong.pairs
    )
