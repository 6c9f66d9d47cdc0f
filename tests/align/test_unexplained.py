"""What blur does not explain: nothing in a good pair, and the right cause in others."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from defocus.align.photometry.unexplained import (
    MOST_STOPS,
    Unexplained,
    causes,
    explained,
    unexplained,
    unexplained_picture,
)
from defocus.pictures.values import as_linear
from defocus.scene.aperture import disc_psf

Light = NDArray[np.float32]
STILL = np.eye(3)
DISPLAY_P3_OF_SRGB = np.array(
    [[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]]
)


@pytest.fixture(scope="module")
def pair():
    """Blurry and sharp light of 240 × 320 px, and the diameters: in focus at the left."""
    sharp = 0.8 * as_linear(
        cv2.resize(data.coffee(), (320, 240), interpolation=cv2.INTER_AREA)
    )
    across = np.linspace(0, 12, 320, dtype=np.float32)[None].repeat(240, axis=0)
    return blurred(sharp, across), sharp, across


def blurred(light: Light, diameter: Light) -> Light:
    stack = [
        light if d < 1 else cv2.filter2D(light, -1, disc_psf(d)) for d in range(13)
    ]
    index = np.clip(diameter, 0, 12)
    weights = [np.maximum(1 - np.abs(index - d), 0)[..., None] for d in range(13)]
    return np.asarray(
        sum(w * one for w, one in zip(weights, stack, strict=True)), np.float32
    )


def found(blurry: Light, sharp: Light, diameter: Light | None) -> Unexplained:
    result = unexplained(blurry, sharp, STILL, diameter)
    return result[0]


@pytest.mark.parametrize("has_diameter", [True, False])
def test_blur_light_and_noise_are_explained(pair, has_diameter):
    blurry, sharp, diameter = pair
    y, x = np.ogrid[-1:1:240j, -1:1:320j]
    light = 0.7 * 2.0 ** (-1.2 * (x * x + y * y) / 2)
    random = np.random.default_rng(0)
    darker = blurry * light[..., None] + random.normal(0, 0.01, blurry.shape)
    cause = found(darker.astype(np.float32), sharp, diameter if has_diameter else None)
    assert cause.stops < 0.15
    assert causes(cause) == ()


def test_an_object_that_moved_is_found_where_it_is(pair):
    blurry, sharp, diameter = pair
    moved = sharp.copy()
    moved[90:140, 60:110] = sharp[90:140, 200:250]
    cause, stops = unexplained(blurry, moved, STILL, diameter)
    assert cause.stops > MOST_STOPS
    assert [one.split(":")[0] for one in causes(cause)] == ["something moved"]
    wrong = ~explained(stops, (240, 320))
    assert wrong[100:130, 70:100].any()
    assert not wrong[:, 180:].any()
    assert explained(None, (3, 4)).all()
    assert (unexplained_picture(stops)[:, 180:] > 100).all()


def test_light_across_the_picture_is_no_movement(pair):
    blurry, sharp, diameter = pair
    uneven = sharp * 2.0 ** np.linspace(-0.4, 0.4, 320, dtype=np.float32)[None, :, None]
    cause = found(blurry, uneven, diameter)
    assert cause.tilt_ev == pytest.approx(0.4, abs=0.1)
    assert [one.split(",")[0] for one in causes(cause)] == [
        "light changed across the picture"
    ]


def test_dark_specks_are_dust(pair):
    _, sharp, _ = pair
    plain = 0.3 + 0.1 * sharp
    diameter = np.full((240, 320), 3.0, np.float32)
    blurry, dusty = blurred(plain, diameter), plain.copy()
    for x, y in ((60, 60), (120, 170), (200, 80), (260, 150)):
        cv2.circle(dusty, (x, y), 5, (0.1, 0.1, 0.1), -1)
    cause = found(blurry, dusty, diameter)
    assert cause.specks == 4
    assert "dust or a mark: 4 dark specks in the sharp member alone" in causes(cause)


def test_a_sharp_member_that_is_the_blurrier_is_focused_elsewhere(pair):
    blurry, sharp, diameter = pair
    cause = found(
        blurry, blurred(sharp, np.ascontiguousarray(diameter[:, ::-1])), diameter
    )
    assert cause.blurrier_share > 0.25
    assert any("is focused elsewhere" in one for one in causes(cause))
    whole = found(sharp, blurred(sharp, np.full_like(diameter, 6.0)), None)
    assert any(one.startswith("the two are exchanged") for one in causes(whole))


def test_the_blur_of_a_strong_edge_does_not_make_what_lies_beside_it_sharper():
    random = np.random.default_rng(0)
    sharp = 0.03 + 0.01 * random.random((128, 128, 3), np.float32)
    sharp[:, 40:64] = 0.8
    cause = found(blurred(sharp, np.full((128, 128), 8.0, np.float32)), sharp, None)
    assert cause.blurrier_share == 0.0


@pytest.mark.parametrize(
    ("member", "other"), [("sharp", "blurry"), ("blurry", "sharp")]
)
def test_lost_profiles_and_a_member_in_black_and_white_are_named(pair, member, other):
    members = dict(zip(("blurry", "sharp"), pair, strict=False))
    paler = members | {
        member: (members[member] @ DISPLAY_P3_OF_SRGB.T).astype(np.float32)
    }
    (text,) = causes(found(paler["blurry"], paler["sharp"], pair[2]))
    assert text.startswith(f"the colours of the {other} member are ")
    assert f"profile of the {member} one" in text
    grey = members | {
        member: members[member].mean(axis=2, keepdims=True).repeat(3, axis=2)
    }
    reasons = causes(found(grey["blurry"], grey["sharp"], pair[2]))
    assert any(
        one.startswith(f"the {member} member has hardly any colours") for one in reasons
    )


def test_lamps_at_night_show_no_strength_of_colours():
    """Beside a lamp colours change with the blur, and the blur map errs there."""
    draw = np.random.default_rng(4)
    night = np.full((480, 640, 3), 0.004, np.float32)
    for column, row in draw.integers(20, (600, 440), (40, 2)):
        light = draw.uniform(0.1, 0.7) * np.array([1.0, 0.8, 0.5])
        night[row : row + 14, column : column + 10] = light
    night += draw.normal(0, 0.0005, night.shape).astype(np.float32)
    blurry = cv2.filter2D(night, -1, disc_psf(12.0))
    too_small = np.full(night.shape[:2], 6.0, np.float32)
    assert found(blurry, night, too_small).colour_strength is None


def test_white_balance_is_no_change_of_colours_and_grey_tells_nothing(pair):
    blurry, sharp, diameter = pair
    warmer = (blurry * np.array([1.1, 1.0, 0.8])).astype(np.float32)
    assert causes(found(warmer, sharp, diameter)) == ()
    grey = [
        one.mean(axis=2, keepdims=True).repeat(3, axis=2) for one in (blurry, sharp)
    ]
    assert found(grey[0], grey[1], diameter).colour_change is None
    noise = np.random.default_rng(0).normal(0, 0.05, sharp.shape)
    noisy = np.clip(grey[0] + noise, 0, 1).astype(np.float32)
    assert found(noisy, grey[1], diameter).colour_change is None, "nor does noise"


def test_what_is_clipped_says_nothing(pair):
    blurry, sharp, diameter = pair
    assert unexplained(np.ones_like(blurry), sharp, STILL, diameter) is None
    bright = np.minimum(2 * sharp, 1)
    assert found(blurry, bright.astype(np.float32), diameter).stops < MOST_STOPS
