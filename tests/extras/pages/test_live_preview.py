"""The live picture: what is said to be in focus is, and the histogram is of light."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from scipy.special import ndtr

from defocus.capture.links.back_ends import open_camera
from defocus.capture.sessions.view import measured
from defocus.errors import CameraError, InputError
from defocus.extras.pages.live.focus import in_focus
from defocus.extras.pages.live.preview import (
    AT_RIM,
    NO_EDGE,
    SEVERAL_EDGES,
    LiveView,
    linear_histogram,
    look_at,
    magnify,
)
from defocus.pictures.values import linear_to_srgb
from defocus.scene.aperture import disc_psf
from defocus.scene.leaves import leaves_picture

Array = np.ndarray


def edge(blur_px: float, low: float, high: float, noise: float = 0.0) -> Array:
    """A vertical edge as a blur of that standard deviation leaves it, between two lights."""
    across = np.arange(120) - 59.5
    row = low + (high - low) * ndtr(across / blur_px)
    encoded = np.repeat(np.tile(linear_to_srgb(row), (80, 1))[:, :, None], 3, axis=2)
    encoded += np.random.default_rng(1).normal(0, noise, encoded.shape)
    return np.rint(np.clip(encoded, 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("bounds", [(0.3, 0.4), (0.12, 0.25), (0.02, 0.6)])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_an_edge_is_in_focus_by_its_blur_and_not_by_its_contrast(bounds, noise):
    for blur, expected in (
        (0.3, True),
        (0.5, True),
        (1.0, False),
        (1.7, False),
        (3.0, False),
    ):
        edges, focused = in_focus(edge(blur, *bounds, noise))
        at_edge = slice(10, -10), slice(59, 61)
        assert edges[at_edge].mean() > 0.9 or (blur > 2 and bounds[0] == 0.3)
        share = focused[at_edge].mean()
        assert share > 0.8 if expected else share < 0.1, (blur, share)
        assert not np.any(focused & ~edges)


def out_of_focus(light: Array, circle_px: float, noise: float = 0.005) -> bytes:
    """A live picture at a circle of confusion, with noise, as JPEG."""
    blurred = cv2.filter2D(light, -1, disc_psf(circle_px)) if circle_px else light
    noisy = blurred + np.random.default_rng(6).normal(0, noise, light.shape)
    return jpeg(np.rint(linear_to_srgb(np.clip(noisy, 0, 1)) * 255).astype(np.uint8))


def leaves() -> Array:
    return np.repeat(leaves_picture(400, seed=2)[:, :, None], 3, axis=2)


def require_detail_to_rise(light: Array) -> list[LiveView]:
    """Blurred less and less, a picture is said to be sharper and sharper."""
    seen = [
        look_at(out_of_focus(light, circle))
        for circle in (0, 1.5, 2, 3, 4, 5, 6, 8, 10)
    ]
    numbers = [one.detail for one in seen]
    assert None not in numbers
    assert numbers == sorted(numbers, reverse=True)
    return seen


@pytest.mark.full
def test_detail_rises_to_the_focus_and_peaking_is_gone_at_a_few_pixels():
    shares = [one.in_focus_share for one in require_detail_to_rise(leaves())]
    assert shares[0] > 0.4
    assert max(shares[6:]) < 0.05 * shares[0], (
        "a picture that is blurred by 6 px glowed"
    )
    assert shares[4] < 0.4 * shares[0]


def test_detail_does_not_depend_on_the_exposure():
    light = leaves()
    normal, darker = (
        look_at(out_of_focus(gain * light, 3.0, noise=0.0)).detail
        for gain in (1.0, 0.5)
    )
    assert normal == pytest.approx(darker, rel=0.05)
    black = look_at(jpeg(np.zeros((60, 60, 3), np.uint8)))
    assert black.detail is None
    assert black.line().startswith("detail unknown; edges in focus no edges; ")


def test_noise_is_not_taken_for_detail():
    flat = np.full((200, 300, 3), 0.4)
    for sigma in (0.01, 0.03):
        noisy = flat + np.random.default_rng(2).normal(0, sigma, flat.shape)
        _, focused = in_focus(np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8))
        assert focused.mean() < 0.02


def jpeg(picture: Array) -> bytes:
    stream = io.BytesIO()
    PillowImage.fromarray(picture).save(stream, "JPEG", quality=98, subsampling=0)
    return stream.getvalue()


def test_the_histogram_is_of_linear_light():
    light = np.repeat(np.linspace(0, 1, 6400).reshape(1, -1, 1), 3, axis=2)
    shares = np.array(linear_histogram(light))
    assert shares.shape == (3, 64)
    np.testing.assert_allclose(shares, 1 / 64, rtol=0.02)
    half = np.full((10, 10, 3), 0.25)
    half[:5] = 0.5
    shares = np.array(linear_histogram(half))
    assert shares[:, 16].tolist() == shares[:, 32].tolist() == [0.5] * 3


def test_clipped_and_black_parts_are_counted_by_channel():
    light = np.full((100, 100, 3), 0.2)
    light[:, :25, 0] = 1.0
    light[:, :10, 2] = 0.0
    seen = look_at(jpeg(np.rint(linear_to_srgb(light) * 255).astype(np.uint8)))
    assert seen.clipped_share == pytest.approx((0.25, 0, 0), abs=0.03)
    assert seen.black_share == pytest.approx((0, 0, 0.10), abs=0.03)


@pytest.mark.parametrize("sigma", [1.2, 2.5])
def test_the_edge_in_the_magnified_place_has_its_mtf(sigma):
    """MTF50 of a Gaussian blur is 0.1874 / σ (with the pixel's own, σ² + 1/12)."""
    rows, columns = np.mgrid[:300, :500]
    off = (columns - 250 + np.tan(np.radians(6)) * (rows - 150)) * np.cos(np.radians(6))
    light = 0.15 + 0.6 * ndtr(off / np.hypot(sigma, np.sqrt(1 / 12)))
    picture = np.rint(linear_to_srgb(np.stack([light] * 3, axis=2)) * 255).astype(
        np.uint8
    )
    seen = magnify(jpeg(picture), 0.5, 0.5)
    assert seen.mtf50 == pytest.approx(
        0.1874 / np.hypot(sigma, np.sqrt(1 / 12)), rel=0.04
    )
    assert seen.to_json()["mtf50"] == seen.mtf50
    assert seen.to_json()["detail"] == seen.detail > 0
    assert seen.reason == ""
    assert seen.square == pytest.approx((226 / 500, 126 / 300, 48 / 500, 48 / 300))
    plain = magnify(jpeg(picture), 0.1, 0.1)
    assert (plain.mtf50, plain.reason) == (None, "no clean slanted edge here")
    brighter = np.minimum(picture.astype(np.uint16) * 2, 255).astype(np.uint8)
    bright = magnify(jpeg(brighter), 0.5, 0.5)
    assert (bright.mtf50, bright.reason) == (None, "clipped here; expose less")
    assert magnify(jpeg(picture), 1.0, 0.0).square == pytest.approx(
        (0.76, 40 / 300, 0.096, 0.16)
    )


def test_a_place_outside_the_live_picture_is_refused(refused):
    picture = jpeg(np.zeros((300, 500, 3), np.uint8))
    for outside in ((-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.5)):
        with refused(InputError):
            magnify(picture, *outside)


def squares(gap_px: float, blur_px: float, noise: float = 0.0) -> Array:
    """Two slanted edges of one sense, as of a grey patch on white paper that holds a darker one."""
    rows, columns = np.mgrid[:300, :500]
    off = (columns - 250 + np.tan(np.radians(6)) * (rows - 150)) * np.cos(np.radians(6))
    light = 0.1 + 0.2 * ndtr(off / blur_px) + 0.35 * ndtr((off - gap_px) / blur_px)
    light = light + np.random.default_rng(4).normal(0, noise, light.shape)
    return np.rint(linear_to_srgb(np.stack([light] * 3, axis=2)) * 255).astype(np.uint8)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("blur_px", [1.0, 2.5, 4.0])
def test_an_edge_at_the_rim_of_the_square_is_a_reason_and_not_a_number(blur_px, turned):
    """The place of the click moves over the edge, from its middle to 24 px beside it."""
    picture = squares(1000, blur_px, 0.003)
    picture = np.ascontiguousarray(picture.transpose(1, 0, 2)) if turned else picture
    states = {}
    for off in range(0, 23, 2):
        x, y = (250 + off) / 500, 0.5
        states[off] = magnify(jpeg(picture), *((y, x) if turned else (x, y)))
    assert states[0].mtf50 == pytest.approx(0.1874 / blur_px, rel=0.06)
    for seen in states.values():
        assert seen.mtf50 is None or seen.mtf50 == pytest.approx(
            states[0].mtf50, rel=0.04
        )
        assert (seen.mtf50 is None) is (seen.reason != "")
    assert {states[off].reason for off in (20, 22)} <= {AT_RIM, SEVERAL_EDGES, NO_EDGE}
    assert AT_RIM in {seen.reason for seen in states.values()}


def test_blur_wider_than_the_square_says_so():
    seen = magnify(jpeg(squares(1000, 12.0)), 0.5, 0.5)
    assert (seen.mtf50, seen.reason) == (None, "the blur is wider than the square")


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("blur_px", [1.0, 2.5])
def test_a_second_edge_in_the_square_is_a_reason_and_not_a_number(blur_px, noise):
    alone = magnify(jpeg(squares(100, blur_px, noise)), 0.5, 0.5)
    assert alone.mtf50 == pytest.approx(0.1874 / blur_px, rel=0.1)
    for gap in (-16, 10, 16):
        seen = magnify(jpeg(squares(gap, blur_px, noise)), 0.5, 0.5)
        assert (seen.mtf50, seen.reason) == (None, "more than one edge in the square")
    corner = squares(100, blur_px, noise)
    corner[154:] = corner[:154, :60].mean()
    assert magnify(jpeg(corner), 0.5, 0.5).reason == "more than one edge in the square"


def test_a_sharpened_edge_is_one_edge():
    """The rims that a camera's sharpening leaves are not taken for edges."""
    soft, softer = (squares(100, blur).astype(float) for blur in (1.5, 3.0))
    sharpened = np.clip(soft + 0.7 * (soft - softer), 0, 255).astype(np.uint8)
    assert magnify(jpeg(sharpened), 0.5, 0.5).reason == ""


def test_what_is_too_dark_or_too_small_says_so():
    picture = squares(100, 1.5)
    assert magnify(jpeg(picture // 12), 0.5, 0.5).reason == "too dark here; expose more"
    assert (
        magnify(jpeg(picture[:20]), 0.5, 0.5).reason == "the live picture is too small"
    )


def test_a_large_picture_is_reduced_and_its_peaking_with_it():
    seen = look_at(
        jpeg(np.random.default_rng(3).integers(0, 255, (600, 2000, 3), np.uint8))
    )
    for content in (seen.jpeg, seen.peaking):
        with PillowImage.open(io.BytesIO(content)) as opened:
            assert opened.size == (960, 288)
    with PillowImage.open(io.BytesIO(seen.peaking)) as opened:
        assert opened.mode == "RGBA"


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0"])
def test_what_is_no_picture_is_the_cameras_fault(content, refused):
    with refused(CameraError):
        look_at(content)
    with refused(CameraError):
        magnify(content, 0.5, 0.5)


def test_a_picture_without_an_edge_has_no_share_in_focus():
    assert look_at(jpeg(np.full((50, 60, 3), 90, np.uint8))).in_focus_share is None


def test_the_simulated_camera_shows_less_in_focus_the_wider_it_is_open():
    shares = []
    for aperture, shutter in (("f/1.4", "1/1000"), ("f/5.6", "1/60"), ("f/22", "1/4")):
        with open_camera("sim:?seed=1&scene=steps&width=320&height=240") as camera:
            camera.set("aperture", aperture)
            camera.set("shutter", shutter)
            first, second = camera.preview(), camera.preview()
            assert first != second, "each live picture has noise of its own"
            shares.append(look_at(second).in_focus_share)
    assert shares == sorted(shares)
    assert shares[2] > 2 * shares[0]


def test_numbers_are_words_and_what_is_not_one_is_unknown():
    quality = {
        "exposure_residual_ev": -0.001,
        "gradient_energy_ratio": "<b>",
        "misalignment": {"shift_px": [3.0, -4.0], "zoom": None},
        "anchor": {"drift_px": [None, None], "moved_share": 0.0312},
        "sharp_clipped_share": None,
        "release_skew_seconds": None,
        "gradient_energy_map": {"log2_ratio": [[1.0]]},
    }
    cells = measured({"quality": quality})
    assert {label: words for label, words, _ in cells} == {
        "Exposure, not explained by settings": "+0.00 EV",
        "Gradient energy, sharp over blurry": "unknown",
        "Shift between the two": "5.00 px",
        "Magnification between the two": "unknown",
        "Drift while shooting": "unknown",
        "Moved while shooting": "3.1%",
        "Clipped in the sharp picture": "unknown",
    }
    for nothing in ({}, {"quality": 3}, {"quality": None}):
        assert measured(nothing) == []
