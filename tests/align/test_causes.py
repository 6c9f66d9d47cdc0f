"""What two pictures themselves show of why their misalignment is unknown."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.registration.unknown_causes import (
    EXCHANGED,
    TWO_SCENES,
    advice,
    cause,
)
from defocus.pictures.values import Image, linear_to_srgb
from defocus.scene.pictures import texture

WIDTH, HEIGHT = 480, 360
Change = Callable[[np.ndarray], np.ndarray]


def shown(picture: str = "coffee") -> np.ndarray:
    return np.asarray(linear_to_srgb(np.minimum(texture(picture, WIDTH, HEIGHT), 1.0)))


def stored(encoded: np.ndarray, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, 0.004, encoded.shape)
    return np.asarray(np.rint(255 * np.clip(encoded + noise, 0, 1)), np.uint8)


def pair(
    change: Change, sigma: float = 3.0, *, both: bool = False
) -> tuple[Image, Image]:
    """A pair of which the blurry member, or both, are changed."""
    sharp = shown()
    blurry = change(cv2.GaussianBlur(sharp, (0, 0), sigma))
    return stored(blurry, 1), stored(change(sharp) if both else sharp, 2)


def same(picture: np.ndarray) -> np.ndarray:
    return picture


CAUSES: dict[str, tuple[tuple[Image, Image], str, str]] = {
    "strong blur": (pair(same, 30.0), "of the contrast of the sharp one", "with less blur"),
    "saturated": (
        pair(lambda one: one + 0.9, both=True), "is saturated", "neither too dark nor too bright",
    ),
    "dark": (pair(lambda one: 0.02 * one, both=True), "is black", "neither too dark nor"),
    "flat": (
        pair(lambda one: 0.5 + 0.01 * (one - 0.5), both=True), "hardly any texture", "with texture",
    ),
    "turned": (pair(lambda one: one[::-1, ::-1]), "turned by 180°", "turn one of the pictures"),
    "mirrored": (pair(lambda one: one[:, ::-1]), "mirrored left to right", "turn one of"),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_an_unknown_pair_names_what_its_pictures_show(name):
    members, words, helps = CAUSES[name]
    answer = measure(*members, flow_estimator("dis")).misalignment
    assert answer.status == "unknown"
    assert words in answer.reason
    assert advice(answer.reason).startswith(
        "turn" if "turn" in helps else "take the pair again"
    )
    assert helps in advice(answer.reason)
    assert ("less blur" in advice(answer.reason)) == (name == "strong blur")


@pytest.mark.parametrize("turns", [1, 3])
def test_a_square_picture_that_lies_on_its_side_is_told(turns):
    sharp = shown()[:, :HEIGHT]
    blurry = cv2.GaussianBlur(sharp, (0, 0), 3)
    reason = cause(stored(np.rot90(blurry, turns), 1), stored(sharp, 2))
    assert reason == "with one of them turned by 90°, they look alike"


@pytest.mark.parametrize("name", ["coffee", "chelsea", "astronaut"])
@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_a_good_pair_shows_no_cause(name, sigma):
    sharp = shown(name)
    blurry = stored(cv2.GaussianBlur(sharp, (0, 0), sigma), 1)
    assert cause(blurry, stored(sharp, 2)) == ""
    assert cause(blurry.astype(np.uint16) * 257, stored(sharp, 2)) == "", (
        "each at its own depth"
    )
    assert (EXCHANGED in cause(stored(sharp, 2), blurry)) == (sigma > 2)


def test_two_scenes_are_told_and_tiny_pictures_show_nothing():
    blurry = cv2.GaussianBlur(shown("coffee"), (0, 0), 3)
    assert cause(stored(blurry, 1), stored(shown("chelsea"), 2)).endswith(TWO_SCENES)
    assert cause(*np.zeros((2, 8, 60, 3), np.uint8)) == ""
