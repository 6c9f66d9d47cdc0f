"""Small dark discs: dust is what stays at its pixel in pictures of different scenes."""

import cv2
import numpy as np
import pytest
from skimage import data

from defocus.align.sharp_member.discs import (
    dark_discs,
    resting_discs,
    with_resting_discs,
)
from defocus.pictures.values import as_linear

HEIGHT, WIDTH = 320, 480
DUST = [(70, 60, 4), (300, 90, 5), (180, 240, 3), (420, 200, 4)]
LUMINANCE = np.float32([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def scenes():
    """Light of nine scenes: parts of three photographs, turned."""
    pictures = [data.coffee(), data.astronaut(), data.chelsea()]
    turned = [
        np.rot90(one, 2 * turn)[:, ::flip] for one in pictures for turn, flip in TURNS
    ]
    small = [cv2.resize(np.ascontiguousarray(one), (WIDTH, HEIGHT)) for one in turned]
    return [(as_linear(one) @ LUMINANCE).astype(np.float32) for one in small]


TURNS = ((0, 1), (0, -1), (1, 1))


def dusty(light, depth=0.35):
    """The light behind discs of a sensor, which are soft at their edge."""
    veil = np.zeros_like(light)
    for x, y, radius in DUST:
        cv2.circle(veil, (x, y), radius, 1.0, -1, cv2.LINE_AA)
    return light * (1 - np.float32(depth) * cv2.GaussianBlur(veil, (0, 0), 1.0))


def of_session(lights):
    return resting_discs({f"p{k}": dark_discs(one) for k, one in enumerate(lights)})


def test_a_disc_before_something_plain_is_the_clearest():
    plain = np.full((HEIGHT, WIDTH), 0.4, np.float32)
    assert dark_discs(plain) == ()
    found = {(round(WIDTH * x), round(WIDTH * y)) for x, y in dark_discs(dusty(plain))}
    assert found == {(x, y) for x, y, _ in DUST}
    assert dark_discs(np.zeros_like(plain)) == ()


def test_dust_stays_at_its_pixel_in_all_scenes(scenes):
    resting = of_session([dusty(one) for one in scenes])
    assert sum(number > 0 for number in resting.values()) >= 6
    assert set(of_session(scenes).values()) == {0}


def test_a_few_pairs_with_dust_say_nothing(scenes):
    assert set(of_session([dusty(one) for one in scenes[:3]]).values()) == {0}
    assert resting_discs({}) == {}
    assert resting_discs({"plain": (), "other": ()}) == {"plain": 0, "other": 0}


def test_a_scene_that_stays_is_no_dust(scenes):
    """A camera on a tripod shows the things of one scene at one pixel in all pairs."""
    still = [scenes[0] * np.float32(1 + 0.01 * k) for k in range(9)]
    assert set(of_session(still).values()) == {0}


def test_dust_that_moves_with_the_scene_is_none(scenes):
    """Dark things of a scene lie elsewhere in the next picture."""
    moved = [np.roll(dusty(one), 9 * k, axis=1) for k, one in enumerate(scenes)]
    assert set(of_session(moved).values()) == {0}


def test_the_number_stands_beside_those_of_each_pair():
    numbers = {"p0": {"gain_ev": 0.1}, "old": {}}
    beside = with_resting_discs(numbers, {"p0": [(0.5, 0.5)], "other": []})
    assert beside == {"p0": {"gain_ev": 0.1, "resting_discs": 0}, "old": {}}
