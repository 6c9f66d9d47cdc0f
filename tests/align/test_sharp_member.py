"""Tests of a sharp member: each finds its fault, and nothing in a good pair."""

import cv2
import numpy as np
import pytest
from skimage import data

from defocus.align.photometry.unexplained import unexplained
from defocus.align.sharp_member.focus import focus_elsewhere
from defocus.align.sharp_member.numbers import NUMBERS, SharpMember
from defocus.align.sharp_member.smear import smear
from defocus.align.sharp_member.texture import lost_stops
from defocus.pictures.values import as_linear, linear_to_srgb
from defocus.scene.aperture import disc_psf

HEIGHT, WIDTH, BLUR_PX = 240, 320, 5.0


@pytest.fixture(scope="module")
def sharp():
    """Linear light of 240 × 320 px with texture everywhere."""
    picture = 0.8 * as_linear(
        cv2.resize(data.coffee(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    )
    grain = np.random.default_rng(0).normal(1, 0.03, (HEIGHT, WIDTH, 1))
    return (picture * grain).astype(np.float32)


@pytest.fixture(scope="module")
def blurry(sharp):
    return discs(sharp, BLUR_PX)


def discs(light, diameter):
    return np.asarray(cv2.filter2D(light, -1, disc_psf(diameter)), np.float32)


def numbers(blurry, sharp) -> SharpMember:
    coc = np.full((HEIGHT, WIDTH), BLUR_PX, np.float32)
    result = unexplained(blurry, np.asarray(sharp, np.float32), np.eye(3), coc)
    assert result is not None
    assert result[0].sharp_member is not None
    return result[0].sharp_member


def codes(light):
    return np.asarray(
        linear_to_srgb(light @ np.float32([0.2126, 0.7152, 0.0722])), np.float32
    )


@pytest.fixture(scope="module")
def good(blurry, sharp):
    return numbers(blurry, sharp)


def test_a_good_pair_has_nothing(good):
    assert good.bands_ev < 0.02
    assert good.shade_ev < 0.03
    assert good.corner_ev < 0.05
    assert good.smear < 0.6
    assert good.elsewhere_share == 0
    assert abs(good.red_ev) < 0.01
    assert abs(good.blue_ev) < 0.01
    assert abs(good.dark_stops) < 0.03
    assert good.absent_discs == 0


@pytest.mark.parametrize("member", ["blurry", "sharp"])
@pytest.mark.parametrize("periods", [3, 7.5])
def test_bands_of_lamps_are_measured_in_either_member(blurry, sharp, member, periods):
    bands = (
        1 + 0.08 * np.sin(np.linspace(0, 2 * np.pi * periods, HEIGHT))[:, None, None]
    )
    both = {"blurry": blurry, "sharp": sharp}
    both[member] = (both[member] * bands).astype(np.float32)
    ev = numbers(both["blurry"], both["sharp"]).bands_ev
    assert ev == pytest.approx(0.115, abs=0.035)


def test_a_shadow_on_a_part_is_measured(blurry, sharp):
    shadow = 2.0 ** (-0.6 / (1 + np.exp(-np.linspace(-8, 8, WIDTH))))[None, :, None]
    assert numbers(blurry, sharp * shadow).shade_ev == pytest.approx(0.3, abs=0.1)


def test_something_in_a_corner_is_measured(good, blurry, sharp):
    y, x = np.mgrid[0:1:240j, 0:1:320j]
    strap = 1 - 0.8 * np.clip(5 * (0.25 - (1 - x) - y), 0, 1)[..., None]
    assert numbers(blurry, sharp * strap).corner_ev > good.corner_ev + 0.3


def test_a_hair_before_the_lens_is_measured(blurry, sharp):
    veil = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.line(veil, (60, 60), (200, 130), 1.0, 4, cv2.LINE_AA)
    darker = sharp * (1 - 0.4 * cv2.GaussianBlur(veil, (0, 0), 1.0)[..., None])
    assert numbers(blurry, darker).dark_stops > 0.08


def dusty(light, places):
    """Light behind discs of 8 px that take a third of it."""
    veil = np.zeros((HEIGHT, WIDTH), np.float32)
    for place in places:
        cv2.circle(veil, place, 4, 1.0, -1, cv2.LINE_AA)
    return light * (1 - 0.35 * cv2.GaussianBlur(veil, (0, 0), 1.0)[..., None])


DUST = [(70, 60), (160, 130), (250, 90), (120, 180), (220, 190)]


def test_dust_is_a_dark_disc_that_the_blurry_member_does_not_have(blurry, sharp):
    assert numbers(blurry, dusty(sharp, DUST)).absent_discs >= 2


def test_a_dark_disc_of_the_scene_is_in_both_members(sharp):
    scene = dusty(sharp, DUST)
    assert numbers(discs(scene, BLUR_PX), scene).absent_discs == 0


def test_white_balance_is_measured_against_green(blurry, sharp):
    cast = numbers(blurry, sharp * np.float32([0.8, 1, 1.25]))
    assert cast.red_ev == pytest.approx(0.32, abs=0.02)
    assert cast.blue_ev == pytest.approx(-0.32, abs=0.02)


def second_image(light, px):
    moved = cv2.warpAffine(
        light, np.float32([[1, 0, px * 0.8], [0, 1, px * 0.6]]), (WIDTH, HEIGHT)
    )
    return 0.6 * light + 0.4 * moved


def shaken(light, px):
    return cv2.filter2D(light, -1, np.full((1, px), 1 / px, np.float32))


@pytest.mark.parametrize(
    ("change", "px"), [(second_image, 3), (second_image, 5), (shaken, 5)]
)
def test_motion_and_a_second_image_are_a_pattern_of_the_spectrum(sharp, change, px):
    still, moved = smear(codes(sharp)), smear(codes(change(sharp, px)))
    assert moved.likeness > max(0.7, still.likeness + 0.2)
    assert moved.length_px == pytest.approx(px, abs=1.5)


def test_defocus_is_no_motion_and_a_plain_wall_shows_none(sharp):
    assert smear(codes(discs(sharp, 3.0))).likeness < 0.65
    assert smear(np.full((HEIGHT, WIDTH), 0.5, np.float32)) is None


def test_lines_of_the_scene_are_no_motion(sharp):
    """Posts beside each other twice, 4 px apart, are in the blurry member too."""
    posts = (sharp + np.roll(sharp, 4, 1)) / 2
    blurred = discs(posts, 2.0)
    alone = smear(codes(posts)).likeness
    beside = smear(codes(posts), codes(blurred)).likeness
    assert alone > 0.8
    assert beside < 0.65
    moved = (posts + np.roll(posts, 5, 0)) / 2
    assert smear(codes(moved), codes(blurred)).likeness > 0.8


def test_a_half_out_of_focus_is_softer_than_the_other(sharp):
    half = sharp.copy()
    half[:, : WIDTH // 2] = discs(sharp, 6.0)[:, : WIDTH // 2]
    coc = np.full((HEIGHT, WIDTH), BLUR_PX, np.float32)
    _, even = focus_elsewhere(codes(sharp), coc)
    _, uneven = focus_elsewhere(codes(half), coc)
    assert even < 0.5
    assert uneven > 2
    coc[:, : WIDTH // 2] = -3
    elsewhere, uneven = focus_elsewhere(codes(half), coc)
    assert 0.3 < elsewhere < 0.8, "not all tiles have edges"
    assert uneven > 2
    assert focus_elsewhere(np.zeros_like(coc), coc) is None


def test_what_is_soft_in_both_members_is_soft_in_the_scene(sharp):
    half = sharp.copy()
    half[:, : WIDTH // 2] = discs(sharp, 6.0)[:, : WIDTH // 2]
    in_focus = np.zeros((HEIGHT, WIDTH), np.float32)
    elsewhere, uneven = focus_elsewhere(codes(half), in_focus)
    assert elsewhere == 0
    assert uneven < 0.5


def test_noise_reduction_takes_texture_and_leaves_edges(sharp):
    encoded = codes(sharp)
    smoothed = encoded
    for _ in range(3):
        smoothed = cv2.bilateralFilter(smoothed, 7, 0.12, 3.0)
    assert lost_stops(smoothed) > lost_stops(encoded) + 0.35
    assert lost_stops(np.full((HEIGHT, WIDTH), 0.5, np.float32)) is None


def test_numbers_are_known_of_dark_and_of_plain_pairs(sharp):
    for light in (
        np.full_like(sharp, 0.3),
        np.full_like(sharp, 1e-4),
        -0.001 + 0 * sharp,
    ):
        result = unexplained(
            light, light, np.eye(3), np.zeros((HEIGHT, WIDTH), np.float32)
        )
        if result is not None and result[0].sharp_member is not None:
            found = [getattr(result[0].sharp_member, name) for name in NUMBERS]
            assert np.isfinite([one for one in found if one is not None]).all()
