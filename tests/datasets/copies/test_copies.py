"""Pictures in two splits: whole or in part, mirrored, turned, resized; other shots of a place."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from defocus.datasets.api import open_dataset
from defocus.datasets.copies import of_dataset
from defocus.datasets.copies.features import (
    features_of_file,
    local_features,
    turn_matrices,
    turned,
    with_unsure_turns,
)
from defocus.datasets.copies.of_dataset import shared_pictures
from defocus.datasets.copies.placing import Placing, agreed_placing
from defocus.datasets.copies.search import SearchedPicture, SharedPart, shared_parts
from defocus.storage.files import sha256_file
from tests.datasets.conftest import put

WHOLE = (0.0, 0.0, 512.0, 512.0)
PICTURES = ("astronaut", "coffee", "chelsea", "rocket")


def grey(name: str) -> np.ndarray:
    """One of scikit-image's pictures, of 400 to 512 px height."""
    return np.asarray(cv2.cvtColor(getattr(skimage.data, name)(), cv2.COLOR_RGB2GRAY))


@pytest.fixture(scope="module")
def tested() -> list[SearchedPicture]:
    """Four pictures of the test split."""
    return [searched(name, "test", grey(name)) for name in PICTURES]


def searched(name: str, split: str, shown: np.ndarray) -> SearchedPicture:
    shown = np.ascontiguousarray(shown)
    return SearchedPicture(name, split, local_features(shown), lambda: shown)


def saved_again(shown: np.ndarray, quality: int = 85) -> np.ndarray:
    """A picture as it comes back from a JPEG file."""
    _, content = cv2.imencode(".jpg", np.ascontiguousarray(shown), [1, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE))


def only_part(tested: list[SearchedPicture], shown: np.ndarray) -> SharedPart:
    """What a training picture shares with the pictures of the test; it must be one thing."""
    (part,) = shared_parts([*tested, searched("patch", "train", shown)])
    return part


WINDOW = np.s_[60:260, 150:350]
SMALL = np.s_[90:218, 180:308]
MADE = {
    "cut out": (WINDOW, lambda cut: cut, (0, False, 1.0)),
    "128 px": (SMALL, lambda cut: cut, (0, False, 1.0)),
    "mirrored": (WINDOW, lambda cut: cut[:, ::-1], (0, True, 1.0)),
    "turned": (WINDOW, lambda cut: np.rot90(cut), (1, False, 1.0)),
    "upside down": (WINDOW, lambda cut: cut[::-1], (2, True, 1.0)),
    "half": (WINDOW, lambda cut: cv2.resize(cut, (100, 100), interpolation=cv2.INTER_AREA),
             (0, False, 2.0)),
    "three times": (SMALL, lambda cut: cv2.resize(cut, (384, 384)), (0, False, 1 / 3)),
    "cropped by 20 px": (np.s_[20:-20, 20:-20], lambda cut: cut, (0, False, 1.0)),
}  # fmt: skip


@pytest.mark.parametrize("kind", MADE)
def test_a_part_of_a_test_picture_is_found_with_what_was_done_to_it(tested, kind):
    window, change, (quarters, mirrored, scale) = MADE[kind]
    part = only_part(tested, saved_again(change(grey("astronaut")[window])))
    assert part.is_copy
    assert {part.here, part.there} == {0, 4}
    assert part.likeness > 0.9
    placing = part.placing
    assert placing.is_mirrored == mirrored
    if part.here == 4:  # the patch was looked for in the picture
        assert placing.scale == pytest.approx(scale, rel=0.02)
        assert placing.quarter_turns in {quarters, -quarters % 4}


def test_a_part_that_was_pasted_into_another_picture_is_a_copy(tested):
    inside = np.zeros((400, 600), np.float32)
    cv2.ellipse(inside, (300, 200), (110, 120), 0, 0, 360, 1, -1)
    share = cv2.GaussianBlur(inside, (0, 0), 1)
    pasted = np.zeros((400, 600), np.float32)
    pasted[60:340, 180:420] = grey("astronaut")[60:340, 120:360]
    made = share * pasted + (1 - share) * grey("coffee")[:400, ::-1]
    part = only_part(tested[:1], saved_again(made.round().astype(np.uint8)))
    assert part.is_copy
    assert part.likeness > 0.97


def test_other_pictures_and_the_other_half_of_one_are_no_copies(tested):
    halves = [
        searched(f"{name} {side}", split, grey(name)[:, columns])
        for name in PICTURES
        for side, split, columns in (
            ("left", "train", np.s_[:250]),
            ("right", "validation", np.s_[258:]),
        )
    ]
    assert not [part for part in shared_parts(halves) if part.is_copy]
    assert shared_parts(tested) == []


def test_a_shot_from_another_place_is_the_same_place_and_no_copy(tested):
    shown = grey("astronaut")
    height, width = shown.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners + np.array([[9, 4], [-14, 7], [6, -12], [-3, 10]], np.float32)
    moved = cv2.warpPerspective(
        shown, cv2.getPerspectiveTransform(corners, seen), (width, height)
    )
    noise = np.random.default_rng(0).normal(0, 4, moved.shape)
    part = only_part(tested, np.clip(0.8 * moved + noise, 0, 255).astype(np.uint8))
    assert {part.here, part.there} == {0, 4}
    assert not part.is_copy


@pytest.mark.parametrize(
    "shown",
    [
        np.full((200, 300), 120, np.uint8),
        np.zeros((30, 30), np.uint8),
        np.zeros((1, 1), np.uint8),
    ],
    ids=["a wall", "too small", "one pixel"],
)
def test_pictures_without_detail_share_nothing(tested, shown):
    assert len(local_features(shown)) == 0
    assert shared_parts([*tested, searched("plain", "train", shown)]) == []
    assert shared_parts([searched("plain", "train", shown)]) == []


def test_descriptors_are_those_of_the_mirrored_and_turned_picture():
    shown = grey("coffee")[:200, :240]
    plain = local_features(np.ascontiguousarray(shown))
    for change in (lambda one: one[:, ::-1], lambda one: np.rot90(one)):
        other = local_features(np.ascontiguousarray(change(shown)))
        assert len(other) == len(plain)
        likeness = plain.unit_descriptors() @ other.unit_descriptors().T
        assert (likeness.max(axis=1) > 0.97).all()


@given(st.integers(0, 7), st.integers(0, 7))
def test_turning_twice_is_what_the_matrices_say(first, second):
    spectrum = np.random.default_rng(0).normal(size=(1, 7, 7)).astype(np.float32)
    turns = [np.array([one], np.uint8) for one in (first, second)]
    twice = turned(turned(spectrum, turns[0]), turns[1])
    matrices = turn_matrices()
    both = matrices[second] @ matrices[first]
    (number,) = np.flatnonzero((matrices == both).all((1, 2)))
    assert np.array_equal(twice, turned(spectrum, np.array([number], np.uint8)))


def test_an_unsure_turn_is_looked_for_both_ways():
    features = local_features(np.ascontiguousarray(grey("chelsea")[:150, :150]))
    rows, turns, descriptors = with_unsure_turns(features)
    assert len(rows) == len(turns) == len(descriptors) > len(features)
    assert set(rows) == set(range(len(features)))
    plain = turns[: len(features)]
    assert np.array_equal(plain, features.turns)


def test_a_placing_needs_four_features_that_agree():
    draws = np.random.default_rng(1)
    here = draws.uniform(0, 200, (9, 2))
    there = 0.5 * here[:, ::-1] + (30, -10)
    there[6:] = draws.uniform(0, 200, (3, 2))
    (transposed,) = (
        n
        for n, one in enumerate(turn_matrices())
        if np.array_equal(one, [[0, 1], [1, 0]])
    )
    scales, features = np.full(9, 0.5), np.arange(9)
    placing = agreed_placing(transposed, here, there, scales, features)
    assert placing is not None
    assert placing.agreeing == 6
    assert placing.scale == pytest.approx(0.5)
    assert placing.shift_px == pytest.approx((30, -10))
    assert (
        agreed_placing(transposed, here[4:], there[4:], scales[4:], features[4:])
        is None
    )
    assert agreed_placing(0, here, there, scales, features) is None
    alike = agreed_placing(transposed, here, there, scales, np.zeros(9, int))
    assert alike is None, "one feature with several matches counts once"


def test_a_placing_says_how_it_is_turned():
    said = {
        (placing.is_mirrored, placing.quarter_turns)
        for placing in (Placing(turn, 1.0, (0.0, 0.0), 4, WHOLE) for turn in range(8))
    }
    assert said == {
        (mirrored, turns) for mirrored in (False, True) for turns in range(4)
    }


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    """A test picture, a training patch that is cut out of it and mirrored, and another picture."""
    pictures = {
        "test/{}/whole": skimage.data.astronaut(),
        "train/{}/patch": np.ascontiguousarray(
            skimage.data.astronaut()[60:260, 350:150:-1]
        ),
        "train/{}/other": skimage.data.coffee(),
    }
    for name, shown in pictures.items():
        put(tmp_path / "set" / f"{name.format('sharp')}.png", shown)
        put(tmp_path / "set" / f"{name.format('blurry')}.png", cv2.blur(shown, (5, 5)))
    return f"pairs:{tmp_path / 'set'}"


def test_a_dataset_names_the_pairs_and_is_searched_once(dataset, monkeypatch):
    (shared,) = shared_pictures(open_dataset(dataset))
    assert (shared.first, shared.second) == ("test-whole", "train-patch")
    assert shared.splits == ("test", "train")
    assert (shared.is_copy, shared.is_whole, shared.change) == (True, False, "mirrored")
    monkeypatch.setattr(of_dataset, "shared_parts", None)
    assert shared_pictures(open_dataset(dataset)) == (shared,)
    assert shared_pictures(open_dataset(dataset), splits=("train", "validation")) == ()


def test_damaged_features_are_made_again(dataset):
    pair = open_dataset(dataset).pairs[0]
    path = pair.sharp
    assert path is not None
    sha256 = sha256_file(path)
    first = features_of_file(path, sha256, pair.white)
    (kept,) = (of_dataset.cache_folder() / "features").glob(f"*/{sha256}-*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    again = features_of_file(path, sha256, pair.white)
    assert np.array_equal(first.descriptors, again.descriptors)
