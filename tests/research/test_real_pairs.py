"""Real pairs whose sharp member is moved in a known way."""

import numpy as np
import pytest
from skimage import data

from defocus.align.photometry.equalise import disc_blurred
from defocus.align.sampling.positions import pixel_grid, sampled
from defocus.pictures.values import as_float, as_integer
from defocus.pictures.write import write_image
from defocus.scene.geometry import Similarity
from research.alignment_truth import real_pairs
from research.alignment_truth.real_like.moved import Bend, moved
from research.alignment_truth.real_like.peers import OURS
from research.alignment_truth.real_like.score import RAW, TRUE, WarpScore
from research.alignment_truth.real_pairs import (
    BENT,
    WHOLE,
    Reference,
    Trial,
    reference,
    report,
    trial,
)

SHIFT_PX = (3.0, -2.0)


def similarity(
    shape: tuple[int, ...], shift_px: tuple[float, float] = SHIFT_PX
) -> np.ndarray:
    moves = Similarity(zoom=1.004, rotation_deg=0.2, shift_px=shift_px)
    return np.vstack([moves.matrix(shape[1], shape[0]), [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def sharp():
    return np.ascontiguousarray(data.coffee()[:300, :400])


@pytest.fixture(scope="module")
def blurry(sharp):
    """Its left half is in focus."""
    light = np.asarray(as_float(sharp), np.float32)
    out = light.copy()
    out[:, 200:] = np.dstack([disc_blurred(light[:, :, c], 7.0) for c in range(3)])[
        :, 200:
    ]
    return as_integer(out, 8)


def test_positions_in_the_moved_picture_lead_back_to_the_picture(sharp):
    bend = Bend.drawn(np.random.default_rng(4))
    picture, there = moved(sharp, similarity(sharp.shape), bend)
    grid = pixel_grid(*sharp.shape[:2])
    places = there(grid)
    assert (
        np.abs(places - moved(sharp, similarity(sharp.shape), None)[1](grid)).max()
        > 0.2
    )
    back = sampled(np.asarray(as_float(picture), np.float32), places, cubic=True)
    inner = np.s_[20:-20, 20:-20]
    assert np.abs(back[inner] - as_float(sharp)[inner]).mean() < 0.01


def test_the_reference_is_what_is_most_alike_in_focus(sharp, blurry):
    matrix = similarity(sharp.shape)
    picture, _ = moved(sharp, matrix, None)
    off = similarity(sharp.shape, (4.5, -2.0))
    answer = reference(blurry, picture, {"right": matrix, "off": off})
    np.testing.assert_array_equal(answer.matrix, matrix)
    assert answer.sure
    assert answer.like_db["right"] > answer.like_db["off"] + 1
    assert 0.1 < answer.focus < 0.6


def test_a_picture_without_detail_has_no_sure_reference(sharp):
    grey = as_integer(np.full(sharp.shape, 0.5), 8)
    assert not reference(grey, sharp, {"none": np.eye(3)}).sure


def test_each_kind_of_move_is_scored_and_reported(sharp, blurry):
    outcome = trial("cup", blurry, sharp, 1)
    assert set(outcome.scores) == {WHOLE, BENT}
    for scores in outcome.scores.values():
        own, true, raw = (scores[name].psnr_db for name in (OURS[0], TRUE, RAW))
        assert own is not None
        assert true is not None
        assert raw is not None
        assert true > own > raw
    text = report([outcome])
    assert "1 real pairs, moved as a whole" in text
    assert "Without a sure reference: none." in text


def test_what_is_unknown_is_named_with_its_reason():
    shot = Reference(np.eye(3), 0.2, {RAW: 30.0}, sure=True)
    scores = {WHOLE: {OURS[0]: WarpScore(1.0), RAW: WarpScore(0.0, 4.0, 25.0)}}
    text = report([Trial("wall", shot, scores, {WHOLE: "the texture repeats itself"})])
    assert "- wall: the texture repeats itself" in text
    assert f"| {OURS[0]} | 0/1 | – |" in text


def test_a_pair_without_a_reference_is_named_and_not_scored(
    tmp_path, capsys, monkeypatch
):
    rng = np.random.default_rng(0)
    for role in ("blurry", "sharp"):
        (tmp_path / role).mkdir()
        write_image(
            tmp_path / role / "noise.png", rng.integers(0, 255, (80, 96, 3), np.uint8)
        )
    monkeypatch.setattr("sys.argv", ["real_pairs", f"pairs:{tmp_path}"])
    real_pairs.main()
    text = capsys.readouterr().out
    assert "Without a sure reference: noise." in text
    assert "0 real pairs, moved as a whole" in text
