"""Pairs with a known warp: what they show, how methods are scored on them, and their table."""

import json
from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from defocus.errors import DatasetError
from defocus.pictures.values import as_float
from defocus.pictures.write import write_image
from defocus.scene.real_lens import RealLens
from research.alignment_truth.benchmark import TruthPlan, run_benchmark
from research.alignment_truth.real_like.lens import lens_blurred
from research.alignment_truth.real_like.pair import real_like_pair
from research.alignment_truth.real_like.peers import PEERS
from research.alignment_truth.real_like.scene import draw_scene, scene_files
from research.alignment_truth.real_like.score import (
    RAW,
    TRUE,
    WarpScore,
    method_means,
    score_pair,
)
from research.alignment_truth.real_like.table import real_like_table
from research.alignment_truth.rendered.textures import Split
from research.alignment_truth.stacks import MERGED
from research.alignment_truth.tables import sections


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "coffee", "rocket"):
        write_image(folder / f"{name}.png", getattr(data, name)())
    return folder


@pytest.fixture(scope="module")
def files(photographs):
    return tuple(sorted(photographs.iterdir()))


@pytest.fixture(scope="module")
def moved(files):
    pairs = (real_like_pair(files, 3, index) for index in range(20))
    return next(pair for pair in pairs if np.abs(pair.matrix - np.eye(3)).max() > 2)


def test_the_same_numbers_give_the_same_pair(files):
    first, again, other = (real_like_pair(files, 3, index) for index in (1, 1, 2))
    np.testing.assert_array_equal(first.blurry, again.blurry)
    np.testing.assert_array_equal(first.sharp, again.sharp)
    assert (
        first.blurry.shape != other.blurry.shape or (first.blurry != other.blurry).any()
    )


def test_a_part_is_in_focus_and_another_strongly_blurred(files):
    scenes = [draw_scene(files, np.random.default_rng(k)) for k in range(12)]
    in_focus = [float((np.abs(scene.diameter) < 1).mean()) for scene in scenes]
    assert 0.25 < np.mean(in_focus) < 0.75
    assert min(in_focus) > 0.1
    assert max(float(np.abs(scene.diameter).max()) for scene in scenes) > 5


def test_what_is_in_focus_stays_and_what_is_not_loses_its_detail():
    light = np.asarray(as_float(data.coffee()), np.float32)
    diameter = np.zeros(light.shape[:2], np.float32)
    diameter[:, 300:] = 12.0
    lens = RealLens(f_number=2.8, open_f_number=2.8, pixel_pitch_um=30.0)
    blurred = lens_blurred(light, diameter, lens)
    np.testing.assert_allclose(
        blurred[20:-20, 20:270], light[20:-20, 20:270], atol=0.05
    )
    right = np.s_[20:-20, 330:-20]
    assert (
        np.diff(blurred[right], axis=1).std()
        < 0.4 * np.diff(light[right], axis=1).std()
    )
    assert blurred[right].mean() == pytest.approx(light[right].mean(), rel=0.03)


def test_the_true_transform_undoes_the_warp(moved):
    scores = score_pair(moved)
    true, raw = scores[TRUE].psnr_db, scores[RAW].psnr_db
    assert true is not None
    assert raw is not None
    assert true > raw + 4
    assert scores[TRUE].corner_px == pytest.approx(0, abs=1e-9)
    assert set(scores) == {TRUE, RAW, *PEERS}


def test_means_count_answers_and_wrong_ones():
    pairs = [
        {"one": WarpScore(1.0, 0.1, 40.0), "two": WarpScore(0.5, 0.3, 30.0)},
        {"one": WarpScore(3.0), "two": WarpScore(0.5, 2.0, 20.0)},
    ]
    means = method_means(pairs)
    assert (means["one"].answered, means["one"].wrong, means["one"].seconds) == (
        1,
        0,
        2.0,
    )
    assert (means["two"].answered, means["two"].wrong) == (2, 1)
    assert means["two"].psnr_db == pytest.approx(25)
    assert means["two"].common_db == pytest.approx(30)
    assert method_means([]) == {}


def test_the_table_names_the_best_of_the_others_and_what_is_not_answered():
    good = {
        name: WarpScore(0.1, 0.2 + 0.1 * k, 35.0, 0.2) for k, name in enumerate(PEERS)
    }
    scores = {TRUE: WarpScore(0.0, 0.0, 45.0), RAW: WarpScore(0.0, 9.0, 20.0)}
    table = real_like_table(
        [scores | good, scores | good | {"ours, global": WarpScore(0.1)}]
    )
    assert (
        "Least median error of the others: ECC affine, 0.40 px, against 0.20 px."
        in table
    )
    assert "1 of 1 of our transforms" in table
    assert "| ours, global | 1/2 | 0.20 | 0.20 | 0 | 35.0 | 35.0 | 0.10 |" in table


def test_the_table_says_where_another_method_is_better_and_what_rare_failures_may_be():
    others = {name: WarpScore(0.1, 0.9, 35.0) for name in PEERS} | {
        TRUE: WarpScore(0.0, 0.0, 45.0)
    }
    own = [WarpScore(0.1, px, 35.0, 0.2) for px in (0.1, 0.92, 1.0)]
    table = real_like_table([others | {"ours, global": one} for one in own])
    assert (
        "The worst of them is off by 1.00 px; with 95 % confidence, fewer than 63.2 %"
        in table
    )
    assert "more exact than ours in 2 pairs, in 1 of them by more than 0.05 px" in table


def test_a_folder_without_pictures_of_the_split_is_refused(tmp_path, refused):
    with refused(DatasetError):
        scene_files("test", [tmp_path], None)


def test_the_command_compares_the_methods(tmp_path, photographs, run, files):
    arguments = [
        "--pictures",
        photographs,
        "--pairs",
        "0",
        "--real-like",
        "1",
        "--seed",
        "1",
    ]
    split = "test" if len(scene_files("test", [photographs], None)) else "choose"
    result = run(
        "research.alignment_truth",
        "--out",
        tmp_path,
        "--split",
        split,
        *arguments,
        "--json",
    )
    rows = json.loads(result.stdout)["real_like"]  # type: ignore[attr-defined]
    assert rows["SIFT + RANSAC"]["pairs"] == 1
    assert rows[TRUE]["psnr_db"] > rows[RAW]["psnr_db"]
    assert "real-like pairs with a known warp" in (tmp_path / "tables.md").read_text()


@pytest.mark.full
def test_an_interrupted_run_goes_on_and_stacks_only_give_photographs(
    tmp_path, photographs
):
    stack = tmp_path / "stacks" / "one"
    stack.mkdir(parents=True)
    write_image(stack / MERGED, data.cat())
    write_image(stack / "frame.png", data.cat())
    split: Split = "test" if len(scene_files("test", [photographs], None)) else "choose"
    plan = TruthPlan(
        split,
        (photographs,),
        1,
        0,
        0,
        stack.parent,
        ("zero flow",),
        "code",
        1,
        real_like=1,
    )
    out = tmp_path / "out"
    first = run_benchmark(plan, out)
    assert [folder.name for folder in out.iterdir()] == ["real-like pairs"]
    (stored,) = (out / "real-like pairs").iterdir()
    written = stored.stat().st_mtime_ns
    more = run_benchmark(replace(plan, real_like=2), out)
    assert stored.stat().st_mtime_ns == written
    assert more.real_like[0] == first.real_like[0]
    assert list(sections(plan, first)) == [f"{split} real-like"]
    assert "### 2 real-like pairs" in sections(plan, more)[f"{split} real-like"]
