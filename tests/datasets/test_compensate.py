"""An aligned dataset of any dataset: resumable, honest about what it leaves out."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.align.rig import Rig
from defocus.align.sampling.resample import Rectangle
from defocus.datasets.api import open_dataset
from defocus.datasets.deriving.compensate import Cameras, compensate_dataset
from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from defocus.pictures.write import write_image
from defocus.processes.isolation import LeftOut
from tests.datasets.conftest import one_pair, put

SCENES = ("cat", "desk", "launch")
ROLES = ("blurry", "sharp", "truth")


@pytest.fixture(scope="module")
def source(strong, tmp_path_factory):
    """A small dataset: three pairs with truth, and a wall that cannot be aligned."""
    root = tmp_path_factory.mktemp("source")
    for role in ROLES:
        (root / role).mkdir()
        for pair in strong.pairs:
            if pair.id in SCENES:
                picture = read_image(getattr(pair, role))[:192, :256]
                write_image(root / role / f"{pair.id}.png", picture)
        write_image(root / role / "wall.png", np.full((192, 256, 3), 30000, np.uint16))
    return root


@pytest.fixture(scope="module")
def root(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("root") / "out"
    dataset = replace(
        open_dataset(f"pairs:{source}"), left_out=(LeftOut("gone", "no file"),)
    )
    aligned = compensate_dataset(dataset, out, Release("flow"), flow_estimator)
    assert tuple(pair.id for pair in aligned.pairs) == SCENES
    assert [pair_id for pair_id, _ in aligned.left_out] == ["wall"]
    assert aligned.left_out[0][1]
    written = json.loads((out / "manifest.json").read_text())["steps"][-1]["settings"]
    assert (written["aligned"], written["left_out"]) == (3, 2)
    return out


@pytest.mark.full
def test_the_result_is_a_dataset_that_is_aligned(source, root):
    old, new = open_dataset(f"pairs:{source}"), open_dataset(f"manifest:{root}")
    assert new.rendered
    before = {pair.id: pair for pair in old.pairs}
    for pair in new.pairs:
        assert pair.sharp is not None
        assert pair.truth is not None
        assert (pair.split, pair.scene) == (
            before[pair.id].split,
            before[pair.id].scene,
        )
        record = json.loads(json.dumps(pair.metadata["compensation"]))
        assert record["model"] == "flow"
        assert record["misalignment"]["status"] == "ok"
        assert record["lost_gradient_energy"] is not None
        crop = Rectangle(**record["crop_px"])
        original = {r: crop.of(read_image(getattr(before[pair.id], r))) for r in ROLES}
        assert np.array_equal(read_image(pair.blurry), original["blurry"])
        assert np.array_equal(read_image(pair.truth), original["truth"])
        truth = as_float(original["truth"])
        mask = read_image(pair.blurry.with_name("valid_mask.png"))[:, :, 0] == 255
        apart = ((as_float(read_image(pair.sharp)) - truth) ** 2)[mask].mean()
        raw = ((as_float(original["sharp"]) - truth) ** 2)[mask].mean()
        assert apart < 0.1 * raw


def test_a_dataset_that_cannot_be_aligned_at_all(tmp_path, refused):
    for role in ("blurry", "sharp"):
        put(tmp_path / "in" / role / "wall.png", np.full((64, 96, 3), 90, np.uint8))
    dataset = open_dataset(f"pairs:{tmp_path / 'in'}")
    with refused(DatasetError):
        compensate_dataset(dataset, tmp_path / "out", Release(), flow_estimator)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_pair_that_cannot_be_aligned_is_listed(data, source, root):
    """Also by a second run, which has nothing left to make."""
    finished = data(
        "compensate", f"pairs:{source}", "--out", root, "--model", "flow", "--json"
    )
    document = json.loads(finished.stdout)
    assert document["pairs"] == list(SCENES)
    assert [row["id"] for row in document["left_out"]] == ["wall"]
    assert "pair wall is left out: " in finished.stderr


def test_defocus_map_and_truth_follow_a_smaller_release(strong, tmp_path):
    one = next(pair for pair in strong.pairs if pair.id == "cat")
    dataset = Dataset("sample:one", strong.root, (one,), "0" * 64, tmp_path / "derived")
    release = Release(scale=0.5)
    copy = compensate_dataset(dataset, tmp_path / "out", release, flow_estimator).pairs[
        0
    ]
    assert copy.flow is None, "the true flow was that of the old sharp member"
    large, small = np.load(one.defocus_map), np.load(copy.defocus_map)  # it has one
    assert (
        small.shape
        == read_image(copy.truth).shape[:2]
        == read_image(copy.blurry).shape[:2]
    )
    assert np.median(small) == pytest.approx(np.median(large) / 2, abs=0.2)
    crop = json.loads(json.dumps(copy.metadata["compensation"]))["crop_px"]
    assert small.shape == (crop["height"] // 2, crop["width"] // 2)


def test_two_cameras_whose_pictures_differ_in_size(strong, tmp_path):
    launch = next(pair for pair in strong.pairs if pair.id == "launch")
    pictures = {}
    for role, size in (("blurry", (256, 192)), ("sharp", (320, 240))):
        picture = read_image(getattr(launch, role))[:192, :256]
        pictures[role] = np.asarray(
            cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        )
    larger = ((1.25, 0.0, 0.125), (0.0, 1.25, 0.125), (0.0, 0.0, 1.0))
    rig = Rig(blurry_size=(256, 192), sharp_size=(320, 240), homography=larger)
    dataset = one_pair(tmp_path, pictures)
    aligned = compensate_dataset(
        dataset, tmp_path / "out", Release(), flow_estimator, cameras=Cameras(rig)
    )
    (pair,) = aligned.pairs
    assert read_image(pair.sharp).shape == read_image(pair.blurry).shape
    assert aligned.left_out == ()


def _stored_map(values):
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


FLAT = np.full((64, 96), 3.0, np.float32)
SPOILT_MAPS = {
    "another size": (_stored_map(FLAT[:50]), r"shape \(50, 96\).*\(64, 96\)"),
    "not finite": (
        _stored_map(np.where(FLAT > 9, FLAT, np.float32(np.nan))),
        "not finite",
    ),
    "cut short": (_stored_map(FLAT)[:1000], "no array can be read"),
    "empty": (b"", "no array can be read"),
    "text": (_stored_map(np.full((64, 96), "deep")), "no real numbers"),
    "objects": (_stored_map(np.full((64, 96), None)), "no array can be read"),
    "a damaged header": (
        _stored_map(FLAT).replace(b"(64, 96)", b"(64, 96("),
        "no array can",
    ),
    "an odd type": (
        _stored_map(FLAT).replace(b"'<f4'", b"',f4'"),
        "no array can be read",
    ),
    "an odd name": (
        _stored_map(FLAT).replace(b"'shape'", b"'shaqe'"),
        "no array can be read",
    ),
    "a huge header": (
        _stored_map(FLAT).replace(b"(64, 96)", b"(10000000000000, 960)"),
        "no array",
    ),
}


@pytest.mark.parametrize("case", SPOILT_MAPS)
def test_a_spoilt_defocus_map_is_one_line(case, tmp_path):
    content, complaint = SPOILT_MAPS[case]
    (tmp_path / "map.npy").write_bytes(content)
    grey = dict.fromkeys(("blurry", "sharp"), np.full((64, 96, 3), 90, np.uint8))
    dataset = one_pair(tmp_path, grey, defocus_map=tmp_path / "map.npy")
    with pytest.raises(DatasetError, match=complaint) as caught:
        compensate_dataset(dataset, tmp_path / "out", Release(), flow_estimator)
    assert str(tmp_path / "map.npy") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_bad_dataset_fails_before_torch_is_loaded(run_afresh, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')")
    path = f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"
    words = ("compensate", "pairs:nowhere", "--out", "o")
    finished = run_afresh("defocus-data", *words, PYTHONPATH=path)
    assert finished.returncode == 2
    assert len(finished.stderr.strip().splitlines()) == 1


@pytest.mark.full
def test_a_common_size_is_the_middle_of_what_each_pair_shows(
    source, tmp_path, capsys, refused
):
    dataset = open_dataset(f"pairs:{source}")
    own = compensate_dataset(dataset, tmp_path / "each", Release(), flow_estimator)
    sizes = [read_image(pair.blurry).shape for pair in own.pairs]
    assert len(set(sizes)) > 1
    capsys.readouterr()
    aligned = compensate_dataset(
        dataset, tmp_path / "common", Release(), flow_estimator, size="common"
    )
    height, width = (min(shape[axis] for shape in sizes) for axis in (0, 1))
    assert f"all pairs are cropped to {width}x{height} px" in capsys.readouterr().err
    files = [
        path for pair in aligned.pairs for path in (pair.blurry, pair.sharp, pair.truth)
    ]
    assert {read_image(path).shape[:2] for path in files if path} == {(height, width)}
    assert aligned.pairs[0].valid_mask is not None
    with refused(DatasetError):
        compensate_dataset(dataset, tmp_path / "common", Release(), flow_estimator)
