"""What is in focus before a strongly blurred background stays in focus."""

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from defocus.blur import large_blur as module
from defocus.blur.large_blur import with_large_blur
from defocus.blur.learned_map import BlurMap, enlarged, estimate_blur_map
from defocus.pictures.values import as_float, linear_to_srgb, srgb_to_linear
from defocus.restoration.restoration import restore_colours
from defocus.restoration.scales import plan_scales
from defocus.scene.aperture import disc_psf

Array = NDArray[np.float32]
SQUARES = 32
BEHIND = (48.0, 70.0)
"""Median and 95 % quantile, px, of a background that is surely blurred."""
FOCUSED = (1.0, 10.0)
PLAIN = (4.0, 60.0)
SUBJECT = slice(10, 22)
REACH_PX = 24.0
RADIUS_PX, DIAMETER_PX = 140, 48


def answers_of_a_portrait() -> Array:
    """What the network says of a subject in focus, with a plain part in it and one around it."""
    large = np.empty((SQUARES, SQUARES, 2), np.float32)
    large[:] = BEHIND
    large[SUBJECT, SUBJECT] = FOCUSED
    large[14:18, 14:18] = PLAIN
    large[2:6, 2:30] = PLAIN
    return large


def eighth_of_a_portrait() -> Array:
    """What the network says of the picture at an eighth of its size, a cell for 64 px."""
    eighth = np.full((SQUARES // 2, SQUARES // 2, 2), (5.0, 30.0), np.float32)
    eighth[5:11, 5:11] = (1.0, 8.0)
    eighth[7:9, 7:9] = (5.0, 30.0)
    return eighth


def completed(
    monkeypatch: pytest.MonkeyPatch, large: Array, eighth: Array
) -> tuple[Array, Array]:
    """Diameters, px, and shares of the strong blur, in squares, where the fine map says 1 px."""
    monkeypatch.setattr(module, "large_blur", lambda _: large)
    cells = np.ones((4 * SQUARES, 4 * SQUARES, 2), np.float32)
    both, share = with_large_blur(cells, {8: eighth})
    return both[2::4, 2::4, 0], share[2::4, 2::4]


def test_what_is_surely_not_strong_is_not_taken_for_plain(monkeypatch):
    diameter_px, share = completed(
        monkeypatch, answers_of_a_portrait(), eighth_of_a_portrait()
    )
    inner = slice(11, 21)
    assert share[inner, inner].max() < 0.05  # with the plain part in it
    assert diameter_px[inner, inner].max() < 4


def test_a_plain_part_of_the_background_takes_its_blur(monkeypatch):
    diameter_px, share = completed(
        monkeypatch, answers_of_a_portrait(), eighth_of_a_portrait()
    )
    assert share[3:5, 3:29].min() > 0.95
    np.testing.assert_allclose(diameter_px[3:5, 3:29], 48, rtol=0.1)


def test_plain_parts_leave_no_hole_where_all_is_blurred(monkeypatch):
    large = answers_of_a_portrait()
    large[SUBJECT, SUBJECT] = PLAIN
    diameter_px, share = completed(monkeypatch, large, eighth_of_a_portrait())
    assert share.min() > 0.95
    np.testing.assert_allclose(diameter_px, 48, rtol=0.1)


def test_noise_on_a_wall_is_no_detail_in_focus(monkeypatch):
    eighth = np.full((SQUARES // 2, SQUARES // 2, 2), (5.0, 30.0), np.float32)
    _, share = completed(monkeypatch, answers_of_a_portrait(), eighth)
    assert share.min() > 0.95


def portrait() -> tuple[Array, Array, Array]:
    """A photograph with a disc in focus before a strong blur, the sharp one, and distances, px."""
    sharp = skimage.data.coffee()
    light = np.asarray(srgb_to_linear(as_float(sharp)), np.float32)
    kernel = disc_psf(DIAMETER_PX).astype(np.float32)
    behind = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    height, width = light.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    distance_px = np.hypot(rows - height / 2, columns - width / 2).astype(np.float32)
    seen = np.where(distance_px[:, :, None] < RADIUS_PX, light, behind)
    noise = 0.004 * np.random.default_rng(0).standard_normal(seen.shape)
    codes = np.rint(255 * np.clip(linear_to_srgb(seen) + noise, 0, 1))
    blurry = np.asarray(codes / 255, np.float32)
    return blurry, np.asarray(as_float(sharp), np.float32), distance_px


def test_the_map_sees_the_subject_and_what_is_behind_it():
    blurry, _, distance_px = portrait()
    blur_map = estimate_blur_map(blurry)
    diameter_px = blur_map.full()
    assert np.median(diameter_px[distance_px < RADIUS_PX - 30]) < 2
    assert np.median(diameter_px[distance_px > RADIUS_PX + 60]) > 0.7 * DIAMETER_PX
    assert weight_of_whole_size(blur_map)[distance_px < RADIUS_PX - 30].min() > 0.95


def weight_of_whole_size(blur_map: BlurMap) -> Array:
    return enlarged(plan_scales(blur_map, REACH_PX).weights[1], blur_map.size)


@pytest.mark.full
def test_the_subject_is_restored_without_a_loss(own):
    blurry, sharp, distance_px = portrait()
    restored = restore_colours(own, blurry).restored
    subject = distance_px < RADIUS_PX - 10
    background = distance_px > RADIUS_PX + 60
    assert psnr(restored, sharp, subject) > psnr(blurry, sharp, subject) - 1
    assert psnr(restored, sharp, background) > psnr(blurry, sharp, background) + 0.5


def psnr(first: Array, second: Array, where: NDArray[np.bool_]) -> float:
    return float(-10 * np.log10(np.square(first - second)[where].mean()))
