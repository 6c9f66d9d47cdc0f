"""Faults of a sharp member that is processed too much, or that something lies before: each is said.

Good pairs, compressed lightly, sharpened softly or noisy, are left in peace."""

import cv2
import numpy as np
import pytest
from skimage import data

from defocus.align.photometry.unexplained import unexplained
from defocus.align.sharp_member.processing import Processing, block_codes, processing
from defocus.align.sharp_member.suspicion import numbers_of, suspicions
from defocus.pictures.values import as_integer, as_linear, linear_to_srgb
from defocus.pictures.write import through_jpeg
from defocus.scene.aperture import disc_psf

HEIGHT, WIDTH = 400, 600
STILL = np.eye(3)
NEW = {
    "dimmed_discs",
    "patch_stops",
    "oversharp_stops",
    "softer_stops",
    "enlarged",
    "block_codes",
}


def blurred(light, diameter):
    return np.asarray(cv2.filter2D(light, -1, disc_psf(diameter)), np.float32)


def taken(light, seed, noise=0.004):
    """The file of a picture of some light, with grain."""
    codes = linear_to_srgb(np.clip(light, 0, 1))
    grain = np.random.default_rng(seed).normal(0, noise, light.shape)
    return as_integer(np.clip(codes + grain, 0, 1).astype(np.float32), 8)


@pytest.fixture(scope="module")
def scene():
    """Light with texture everywhere."""
    light = 0.8 * as_linear(data.coffee()) + 0.03
    texture = np.random.default_rng(5).normal(1, 0.3, (HEIGHT, WIDTH, 1))
    fine = cv2.GaussianBlur(texture, (0, 0), 0.8)[..., None]
    return (light * fine).astype(np.float32)


@pytest.fixture(scope="module")
def blurry(scene):
    """The left part in focus, the right part behind a disc of 8 px."""
    light = scene.copy()
    light[:, WIDTH // 2 :] = blurred(scene, 8.0)[:, WIDTH // 2 :]
    return taken(light, 0)


@pytest.fixture(scope="module")
def sharp(scene):
    return taken(scene, 1)


def said(blurry, sharp):
    """The new remarks on a pair that is judged alone, by the number that they rest on."""
    pictures = (as_linear(blurry), as_linear(sharp))
    result = unexplained(*pictures, STILL, processing=processing(sharp))
    assert result is not None
    found = suspicions({"": numbers_of(result[0].to_json())}).get("", ())
    return {one.number: one for one in found if one.number in NEW}


def compressed(picture, quality):
    return np.asarray(through_jpeg(picture, quality, full_colour=False), np.uint8)


def sharpened(picture, amount, radius_px):
    values = picture.astype(np.float32)
    detail = values - cv2.GaussianBlur(values, (0, 0), radius_px)
    return np.clip(values + amount * detail, 0, 255).astype(np.uint8)


def enlarged(picture, factor, interpolation=cv2.INTER_CUBIC):
    size = (round(WIDTH / factor), round(HEIGHT / factor))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=interpolation)


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture,
        lambda picture: compressed(picture, 85),
        lambda picture: compressed(picture, 95),
        lambda picture: sharpened(picture, 0.6, 0.8),
    ],
    ids=["as taken", "quality 85", "quality 95", "sharpened softly"],
)
def test_a_good_pair_has_nothing(blurry, sharp, change):
    assert said(blurry, change(sharp)) == {}


def test_a_noisy_good_pair_has_nothing(scene):
    light = blurred(scene, 6.0)
    assert said(taken(light, 2, 0.02), taken(scene, 3, 0.02)) == {}
    assert said(taken(scene, 4, 0.02), taken(scene, 5, 0.02)) == {}


@pytest.mark.parametrize("quality", [8, 12, 16])
def test_strong_compression_shows_in_the_blocks(blurry, sharp, quality):
    found = said(blurry, compressed(sharp, quality))["block_codes"]
    assert found.rejects
    assert found.fault.startswith("strong compression, steps of ")


def test_blocks_are_found_wherever_the_picture_was_cut(sharp):
    saved = compressed(sharp, 12)
    whole = block_codes(saved)
    assert block_codes(saved[3:, 5:]) == pytest.approx(whole, rel=0.1)
    turned = np.ascontiguousarray(np.rot90(saved))
    assert block_codes(turned) == pytest.approx(whole, rel=0.1)
    deep = saved.astype(np.uint16) * 257
    assert block_codes(deep) == pytest.approx(whole, rel=1e-3)


def test_stripes_along_one_axis_are_no_blocks():
    stripes = np.full((256, 256, 3), 100, np.uint8)
    stripes[:, ::8] = 140
    assert block_codes(stripes) == 0
    assert processing(np.zeros((40, 50, 3), np.uint8)) == Processing(None, 0)


@pytest.mark.parametrize("factor", [2, 3])
def test_an_enlargement_shows_in_the_traces_of_interpolation(blurry, sharp, factor):
    found = said(blurry, enlarged(sharp, factor))["enlarged"]
    assert found.rejects
    assert found.fault.startswith(f"it was enlarged by {factor}")


def test_an_enlargement_without_traces_is_softer_where_the_blurry_one_is_crisp(
    blurry, sharp
):
    found = said(blurry, compressed(enlarged(sharp, 1.7), 90))
    assert "enlarged" not in found
    assert found["softer_stops"].value > 0.25
    assert not found["softer_stops"].rejects


@pytest.mark.parametrize(("amount", "radius_px"), [(3, 2), (3, 3), (1.5, 2)])
def test_too_much_sharpening_shows_where_the_blurry_member_is_crisp(
    blurry, sharp, amount, radius_px
):
    found = said(blurry, sharpened(sharp, amount, radius_px))["oversharp_stops"]
    assert found.fault.startswith("sharpened too much, ")
    assert found.rejects == (amount == 3)


def test_a_scene_of_squares_is_not_taken_for_blocks_of_compression():
    colours = np.random.default_rng(2).integers(40, 215, (12, 12, 3), np.uint8)
    squares = np.kron(colours, np.ones((8, 8, 1), np.uint8))
    assert block_codes(squares) == 0


def test_a_blurry_member_without_crisp_parts_says_nothing_of_sharpening(scene, sharp):
    everywhere = taken(blurred(scene, 6.0), 0)
    assert "oversharp_stops" not in said(everywhere, sharp)


def behind_drop(light, diameter_px):
    """Light of which a part of 60 px, an eighth of the width, is blurred by a drop on the lens."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(mask, (140, 190), 30, 1.0, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    return light + soft * (blurred(light, diameter_px) - light)


@pytest.mark.parametrize("diameter_px", [4.0, 8.0])
def test_a_drop_on_the_lens_blurs_a_small_part(scene, blurry, diameter_px):
    found = said(blurry, taken(behind_drop(scene, diameter_px), 1))["patch_stops"]
    assert found.fault.startswith("a part of it is blurred, as by a drop on the lens, ")
    assert found.rejects == (diameter_px > 6)


def test_a_part_that_is_soft_in_both_members_is_soft_in_the_scene(scene):
    soft = behind_drop(scene, 6.0)
    light = soft.copy()
    light[:, WIDTH // 2 :] = blurred(soft, 8.0)[:, WIDTH // 2 :]
    assert said(taken(light, 0), taken(soft, 1)) == {}


DUST = [((80, 80), 12), ((200, 300), 18), ((240, 120), 8)]


def dusty(light, share):
    """Light behind discs that take a share of it."""
    veil = np.zeros((HEIGHT, WIDTH), np.float32)
    for place, radius_px in DUST:
        cv2.circle(veil, place, radius_px, 1.0, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(veil, (0, 0), 1.0)[..., None]
    return light * (1 - share * soft)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_dust_is_seen_in_texture(scene, blurry, share):
    found = said(blurry, taken(dusty(scene, share), 1))["dimmed_discs"]
    assert found.fault.startswith("dust, dark discs (")
    assert found.rejects == (share == 0.5)


def test_dark_discs_of_the_scene_are_in_both_members(scene):
    spotted = dusty(scene, 0.5)
    light = spotted.copy()
    light[:, WIDTH // 2 :] = blurred(spotted, 8.0)[:, WIDTH // 2 :]
    assert said(taken(light, 0), taken(spotted, 1)) == {}
