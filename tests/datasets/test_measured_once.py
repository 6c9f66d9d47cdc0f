"""What the pixels of a pair tell is measured once, by content, whatever step asks for it."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.misalignment import Misalignment
from defocus.align.motion_limits import MotionLimits
from defocus.blur.fine_detail import fine_to_coarse, fine_to_coarse_of_pair
from defocus.cache import cache_folder
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import audit_dataset
from defocus.datasets.audit.table import document
from defocus.datasets.commands.audit import write_audit
from defocus.datasets.curation import begin_curation, finish_curation
from defocus.datasets.curation_rules import Rules, judged, usable_pairs
from defocus.datasets.curation_splits import Shares, split_dataset
from defocus.datasets.dataset_page import dataset_page
from defocus.datasets.deriving.compensate import compensate_dataset
from defocus.datasets.measuring import kept
from defocus.datasets.measuring.kept import read_measurement, write_measurement
from defocus.datasets.sidecar_writing import write_sidecar
from tests.datasets.conftest import put
from tests.datasets.test_audit import defocused

NAMES = ("astronaut", "coffee")


def audit_written(out, dataset, audit):
    write_audit(out, dataset, audit, None, usable_pairs(audit))


HEIGHT, WIDTH = 160, 208
"""Smaller than those of the audit's tests: these pictures are in no other test."""


def scene(name, x=40):
    picture = cv2.resize(
        getattr(skimage.data, name)(), (330, 280), interpolation=cv2.INTER_AREA
    )
    return np.ascontiguousarray(picture[44 : 44 + HEIGHT, x : x + WIDTH])


@pytest.fixture
def source(tmp_path):
    """Two pairs, shifted by 2 px; their pictures are in no other test."""
    for name in NAMES:
        put(tmp_path / f"source/blurry/{name}.png", defocused(scene(name)))
        put(tmp_path / f"source/sharp/{name}.png", scene(name, 38))
    return open_dataset(f"pairs:{tmp_path / 'source'}")


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """Grows by one with each measurement; the cache is new."""
    calls = []

    def counting(*arguments: Any, **settings: Any):
        calls.append(1)
        return measure(*arguments, **settings)

    monkeypatch.setattr(kept, "measure", counting)
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    return calls


@pytest.mark.full
def test_a_chain_measures_each_pair_once_and_once_more_when_compensated(
    source, counted, tmp_path
):
    before = document(audit_dataset(source, "dis", 1), None)
    assert len(counted) == len(NAMES)
    compensate_dataset(source, tmp_path / "aligned", Release(), flow_estimator, where=1)
    write_sidecar(source, tmp_path / "sidecar", "v1", Release(), "dis")
    assert len(counted) == len(NAMES)

    aligned = open_dataset(f"manifest:{tmp_path / 'aligned'}")
    curation = begin_curation(
        aligned, audit_dataset(aligned, "dis", 1), Rules(), tmp_path / "kept"
    )
    assert [one.verdict for one in finish_curation(curation)[0]] == ["accept"] * len(
        NAMES
    )
    chosen = open_dataset(f"manifest:{tmp_path / 'kept'}")
    split_dataset(
        chosen, audit_dataset(chosen, "dis", 1), tmp_path / "split", Shares(), 0
    )
    final = open_dataset(f"manifest:{tmp_path / 'split'}")
    audit = audit_dataset(final, "dis", 1)
    dataset_page(final, audit, usable_pairs(audit))
    assert len(counted) == 2 * len(NAMES)

    for row in cache_folder().glob("measured/*/*.json"):
        row.unlink()
    # from the kept measurements
    assert document(audit_dataset(source, "dis", 1), None) == before
    assert len(counted) == 2 * len(NAMES)
    for name in ("*.h5", "*.json"):
        for path in cache_folder().glob(f"measured/*/{name}"):
            path.write_bytes(path.read_bytes()[:100])
    assert document(audit_dataset(source, "dis", 1), None) == before
    assert len(counted) == 3 * len(NAMES)


def test_a_measurement_within_other_limits_is_another_one(source):
    estimator = flow_estimator("dis")
    limits = (kept.NO_LIMITS, MotionLimits("translation"), MotionLimits(largest_px=8.0))
    keys = [kept.pair_keys(source, estimator, one)["astronaut"] for one in limits]
    assert len(set(keys)) == 3
    assert keys[0] == kept.pair_key(source.pairs[0], estimator)


def test_a_kept_measurement_equals_the_made_one_to_the_bit(tmp_path):
    blurry, sharp = defocused(scene("rocket")), scene("rocket", 38)
    measurement = measure(blurry, sharp, flow_estimator("dis"))
    write_measurement(tmp_path / "one.h5", measurement)
    again = read_measurement(tmp_path / "one.h5")
    assert again.misalignment == measurement.misalignment
    assert again.shape == measurement.shape
    np.testing.assert_array_equal(
        again.misalignment.matrix, measurement.misalignment.matrix
    )
    for name in ("misplaced", "local"):
        np.testing.assert_array_equal(
            getattr(again.field, name), getattr(measurement.field, name)
        )
    np.testing.assert_array_equal(again.reliable, measurement.reliable)
    wall = np.full((64, 64, 3), 90, np.uint8)
    unknown = measure(wall, wall, flow_estimator("dis"))
    write_measurement(tmp_path / "two.h5", unknown)
    assert read_measurement(tmp_path / "two.h5").misalignment == unknown.misalignment
    assert isinstance(unknown.misalignment, Misalignment)


def luma(picture):
    return picture.mean(axis=2).astype(np.float32) / 255


def test_fine_detail_is_judged_on_the_same_tiles_where_the_blur_differs():
    """A focus stack's frame: its own focus is as sharp as it gets, the rest is not."""
    sharp = np.asarray(
        cv2.resize(skimage.data.coffee(), (384, 256), interpolation=cv2.INTER_AREA)
    )
    frame = defocused(sharp, 6.0)
    frame[:, :192] = (
        cv2.filter2D(  # in focus, and crisper there than the picture in focus
            sharp, -1, np.array([[0, -0.1, 0], [-0.1, 1.4, -0.1], [0, -0.1, 0]])
        )[:, :192]
    )
    blur = np.zeros((256, 384), np.float32)
    blur[:, 192:] = 6.0
    blurry_detail, sharp_detail = fine_to_coarse_of_pair(frame, sharp, np.eye(3), blur)
    assert sharp_detail > 1.2 * blurry_detail
    own = [fine_to_coarse(luma(picture)) for picture in (frame, sharp)]
    assert own[1] < own[0]  # each on its own tiles: the frame would be the sharper one
    swapped = fine_to_coarse_of_pair(sharp, frame, np.eye(3), blur)
    assert swapped == (sharp_detail, blurry_detail)
    shifted = np.array([[1.0, 0, 3.0], [0, 1.0, 0], [0, 0, 1]])
    moved = np.roll(sharp, 3, axis=1)
    ratio = fine_to_coarse_of_pair(frame, moved, shifted, blur)
    assert ratio[1] == pytest.approx(sharp_detail, rel=0.05)
    flat = np.full((64, 64, 3), 102, np.uint8)
    assert fine_to_coarse_of_pair(flat, flat, np.eye(3)) == (None, None)


def test_fine_detail_does_not_depend_on_strips(monkeypatch):
    sharp = cv2.resize(skimage.data.coffee(), (384, 256), interpolation=cv2.INTER_AREA)
    pair, moved = (
        (defocused(sharp), sharp),
        np.array([[1.0, 0, 5], [0, 1.0, -7], [0, 0, 1]]),
    )
    # lacks a row
    blur = np.random.default_rng(4).uniform(0, 9, (63, 96)).astype(np.float32)
    ratio = fine_to_coarse_of_pair(*pair, moved, blur, 4)
    monkeypatch.setattr("defocus.blur.fine_detail.STRIP_ROWS", 64)
    assert fine_to_coarse_of_pair(*pair, moved, blur, 4) == pytest.approx(
        ratio, rel=1e-9
    )
    whole = (
        np.pad(blur, ((0, 1), (0, 0)), mode="edge").repeat(4, axis=0).repeat(4, axis=1)
    )
    assert fine_to_coarse_of_pair(*pair, moved, whole) == pytest.approx(ratio, rel=1e-9)


def test_a_share_of_the_picture_must_be_blurred(source):
    (row, *_) = audit_dataset(source, "dis", 1).pairs
    assert len(row.blur_quantiles_px) == 21
    assert row.blur_quantiles_px[19] == pytest.approx(row.blur_p95_px)
    half = row.blur_quantiles_px[10]
    audit = replace(
        audit_dataset(source, "dis", 1), pairs=(replace(row, misalignment_px=0.1),)
    )
    for limit, verdict in ((half - 0.1, "accept"), (half + 0.1, "reject")):
        rules = Rules(least_blur_px=limit, blurred_share=0.5)
        (judgement,) = judged(audit, rules)
        assert judgement.verdict == verdict
    assert "blur of the most blurred 50 %" in judgement.reason
