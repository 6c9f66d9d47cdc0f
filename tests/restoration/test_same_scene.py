"""Frames of one scene: how they are recognised, and which of them is the sharper one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from defocus.blur.block_blur import block_blur
from defocus.restoration import same_scene
from defocus.restoration.same_scene import (
    STILL,
    Frame,
    FrameRank,
    frame_of,
    shift_between,
    standings,
)

HEIGHT, WIDTH = 768, 1024


def light(seed: int) -> np.ndarray:
    """Bright and dark patches of many sizes."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    for _ in range(1200):
        left, top = random.integers(0, WIDTH), random.integers(0, HEIGHT)
        width, height = random.integers(4, 90, 2)
        picture[top : top + height, left : left + width] = random.random()
    return picture


def blurred(picture: np.ndarray, diameter_px: float) -> np.ndarray:
    if not diameter_px:
        return picture
    return cv2.GaussianBlur(picture, (0, 0), diameter_px / 4)


def frame(picture: np.ndarray, seed: int = 0) -> Frame:
    """The frame of a picture with a little noise, 8 bits."""
    noise = 0.004 * np.random.default_rng(seed).standard_normal(picture.shape)
    luma = np.rint(255 * np.clip(picture + noise, 0, 1)).astype(np.float32) / 255
    return frame_of(luma, block_blur(luma))


def said(one: Frame, sharpest_px: float, is_plain: bool = False) -> Frame:
    """The frame with another estimate of its blur."""
    return replace(one, alone=FrameRank(is_plain, sharpest_px))


def is_first(one: Frame, other: Frame) -> bool:
    first, second = standings([one, other])
    return first.place < second.place


@pytest.mark.parametrize("diameter_px", [2, 8, 20])
def test_of_two_frames_the_one_with_more_detail_is_first_whatever_was_estimated(
    diameter_px,
):
    scene = light(0)
    sharper = said(frame(blurred(scene, diameter_px)), 9.0)
    other = said(frame(blurred(scene, diameter_px + 1), 1), 8.0)
    assert standings([sharper, other]) == [
        FrameRank(False, 8.5, 0),
        FrameRank(False, 8.5, 1),
    ]


def test_a_darker_frame_is_compared_as_if_it_were_as_bright():
    scene = light(0)
    sharper = said(frame(0.5 * blurred(scene, 4)), 9.0)
    other = said(frame(blurred(scene, 6), 1), 8.0)
    assert is_first(sharper, other)


def test_the_camera_may_turn_between_two_frames():
    scene = light(0)
    sharper = said(frame(blurred(scene, 6)[:-40, :-60]), 9.0)
    other = said(frame(blurred(scene, 8)[40:, 60:], 1), 8.0)
    shift = shift_between(sharper, other)
    assert shift.down * (HEIGHT - 40) == pytest.approx(-40, abs=4)
    assert shift.right * (WIDTH - 60) == pytest.approx(-60, abs=4)
    assert is_first(sharper, other)
    assert not is_first(other, sharper)


def test_blur_turns_no_camera():
    scene = light(0)
    assert shift_between(frame(scene), frame(blurred(scene, 40), 1)) == STILL


def test_other_scenes_and_sizes_are_not_compared():
    one = said(frame(light(0)), 9.0)
    others = [
        said(frame(blurred(light(1), 8)), 8.0),
        said(frame(blurred(light(0), 8)[:384]), 7.0),
    ]
    for other in others:
        assert shift_between(one, other) is None
    assert standings([one, *others]) == [one.alone, *(other.alone for other in others)]


def test_where_the_focus_moved_the_frame_nearer_to_its_subject_is_first():
    scene = light(0)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[150:-150, 200:-200] = True

    def focused(subject_px: float, around_px: float, seed: int) -> Frame:
        picture = np.where(
            inside, blurred(scene, subject_px), blurred(scene, around_px)
        )
        return said(frame(picture, seed), 5.0)

    assert is_first(focused(2, 16, 0), focused(20, 4, 1))
    assert not is_first(focused(4, 20, 0), focused(16, 2, 1))


def test_what_has_less_detail_than_a_plain_frame_is_plain():
    scene = light(0)
    plain = said(frame(scene), 6.0, is_plain=True)
    blurrier = said(frame(blurred(scene, 8), 1), 4.0)
    first, second = standings([plain, blurrier])
    assert first.is_plain
    assert second.is_plain
    assert first.place < second.place


def test_a_flat_picture_is_no_frame_of_a_scene():
    flat = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    one = frame_of(flat, block_blur(flat))
    assert standings([one, one]) == [FrameRank(True, None), FrameRank(True, None)]
    assert one.alone.place > frame(light(0)).alone.place


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 7)])
def test_a_picture_of_a_few_pixels_says_nothing(size):
    few = np.random.default_rng(0).random(size, np.float32)
    alone = frame_of(few, block_blur(few)).alone
    assert alone == FrameRank(True, None)
    assert alone.place > frame(light(0)).alone.place


def test_a_whole_series_is_in_order():
    scene = light(0)
    diameters = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24]
    series = [frame(blurred(scene, px), px) for px in diameters]
    places = [one.place for one in standings(series)]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


def test_frames_of_a_scene_are_found_among_many(monkeypatch):
    """Also where they are far apart in the list, which is compared part by part."""
    monkeypatch.setattr(same_scene, "AT_ONCE", 2)
    scenes = [light(seed)[:512, :768] for seed in range(4)]
    sharp = [said(frame(blurred(scene, 2)[20:, 30:]), 5.0) for scene in scenes]
    blurry = [said(frame(blurred(scene, 6)[:-20, :-30]), 5.0) for scene in scenes]
    flat = frame_of(np.full((492, 738), 0.5, np.float32), block_blur(scenes[0]))
    found = standings([*sharp, flat, *reversed(blurry)])
    assert [one.sharper for one in found] == [0, 0, 0, 0, 0, 1, 1, 1, 1]
