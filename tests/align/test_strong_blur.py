"""Under strong blur the intensities are asked whether the tiles are right."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.align.photometry.blur_matching import disc_blurred_stack
from defocus.align.registration.level import (
    Level,
    measured_level,
    moved_picture,
    strong_blur_step,
)
from defocus.align.registration.models import Area, corner_distance_px
from defocus.align.registration.register import Registration, register
from defocus.scene.geometry import Similarity
from defocus.scene.pictures import texture
from tests.align.synthetic import homogeneous

Grey = NDArray[np.float32]
Array = NDArray[np.float64]
SHAPE = (144, 192)
CENTRES = np.stack(
    np.meshgrid(np.linspace(16, 176, 9), np.linspace(16, 128, 7)), -1
).reshape(-1, 2)


def picture(width: int, height: int) -> Grey:
    return np.asarray(texture("coffee", width, height).mean(axis=2), np.float32)


@pytest.mark.parametrize(
    "truth",
    [
        Similarity(shift_px=(0.6, -0.4)),
        Similarity(zoom=1.008),
        Similarity(rotation_deg=-0.5),
    ],
    ids=["shift", "zoom", "rotation"],
)
def test_what_is_left_to_move_is_found_with_its_sign(truth):
    """Up to 1 px at a corner, under 8 px of blur, a gain and a fall of light; tiles say 6 to 10."""
    sharp = picture(SHAPE[1], SHAPE[0])
    (blurred,) = disc_blurred_stack(
        moved_picture(sharp, homogeneous(truth, SHAPE)), [8.0]
    )
    light = 0.7 * np.linspace(1.0, 0.7, SHAPE[1], dtype=np.float32)
    blurry = blurred * light + np.random.default_rng(1).normal(0, 0.002, SHAPE).astype(
        np.float32
    )
    coc = np.random.default_rng(2).uniform(6, 10, len(CENTRES))
    area = Area.shown(homogeneous(truth, SHAPE), SHAPE)
    matrix = strong_blur_step(np.maximum(blurry, 0), sharp, area, CENTRES, coc).matrix
    assert corner_distance_px(matrix, homogeneous(truth, SHAPE), SHAPE) < 0.1


def curved(x: Any) -> Any:
    """Circles of confusion of a surface that comes nearer from left to right, px."""
    return 5 + 6 * (x / SHAPE[1]) ** 2


def test_a_parallax_that_grows_with_the_blur_is_no_zoom_and_no_rotation():
    """Over a curved surface, by 1 px from left to right; a similarity alone turns by 0.4 px."""
    sharp = picture(SHAPE[1], SHAPE[0])
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    coc = np.asarray(curved(x), np.float32)
    down = y + (coc - coc.mean()) / np.ptp(coc)
    near = np.asarray(cv2.remap(sharp, x, down, cv2.INTER_LINEAR), np.float32)
    sizes = np.arange(5.0, 11.5, 0.5)
    blurred = np.stack(disc_blurred_stack(near, sizes))
    nearest = np.abs(sizes[:, None, None] - coc).argmin(axis=0)
    blurry = np.take_along_axis(blurred, nearest[None], axis=0)[0]
    area = Area(3, 3, SHAPE[1] - 3, SHAPE[0] - 3)
    step = strong_blur_step(blurry, sharp, area, CENTRES, curved(CENTRES[:, 0])).matrix
    assert np.hypot(step[0, 0] - 1, step[1, 0]) * np.hypot(*SHAPE) / 2 < 0.1


def registered(
    monkeypatch: pytest.MonkeyPatch,
    wrong: Similarity,
    blur_px: float,
    error_px: float | None = None,
) -> Registration:
    """A still pair whose tiles all err: they agree, and nothing in them shows it."""
    sharp = picture(384, 288)
    (blurry,) = disc_blurred_stack(sharp, [blur_px])

    def erring(*given: Any) -> Level:
        level = measured_level(*given)
        matrix = level.matrix @ homogeneous(wrong, sharp.shape)
        return replace(level, matrix=matrix, error_px=error_px or level.error_px)

    monkeypatch.setattr("defocus.align.registration.register.measured_level", erring)
    return register(blurry, sharp)


@pytest.mark.parametrize(
    ("wrong", "blur_px", "reason"),
    [
        (Similarity(), 16.0, None),
        (
            Similarity(rotation_deg=0.2),
            16.0,
            "registration by intensity turns the corners by 0.8",
        ),
        (
            Similarity(zoom=0.9965),
            16.0,
            "registration by intensity turns the corners by 0.8",
        ),
        (Similarity(rotation_deg=0.2), 5.0, None),
    ],
    ids=["right", "turned", "zoomed", "turned-little-blur"],
)
def test_tiles_that_all_err_under_strong_blur_are_no_answer(
    monkeypatch, wrong, blur_px, reason
):
    """By 0.8 px at the corners."""
    registration = registered(monkeypatch, wrong, blur_px)
    assert (
        registration.reason == "" if reason is None else reason in registration.reason
    )


@pytest.mark.parametrize(
    ("wrong", "blur_px", "is_known"),
    [
        (Similarity(rotation_deg=0.08), 16.0, True),
        (Similarity(rotation_deg=0.2), 16.0, False),
        (Similarity(rotation_deg=0.08), 5.0, False),
    ],
    ids=["near", "far", "little-blur"],
)
def test_the_intensities_answer_where_the_tiles_are_unsure(
    monkeypatch, wrong, blur_px, is_known
):
    """The tiles err by 0.3 or 0.8 px at the corners, and say 0.7 px."""
    registration = registered(monkeypatch, wrong, blur_px, error_px=0.7)
    if not is_known:
        assert registration.reason == (
            "the tiles leave an error of 0.7 px at the corners, more than the 0.5 px allowed; "
            "other pairs of its session may give the zoom (align --session)"
        )
        return
    assert registration.matrix is not None
    assert registration.model == "similarity"
    assert corner_distance_px(registration.matrix, np.eye(3), (288, 384)) < 0.1
    assert registration.corner_error_px < 0.5


def test_the_error_of_the_intensities_is_what_they_err_by():
    """Twelve pairs of other noise: the root mean square is 0.5 to 2 of the errors that are told."""
    sharp = picture(SHAPE[1], SHAPE[0])
    truth = homogeneous(Similarity(0.998, 0.1, (0.3, -0.2)), SHAPE)
    (blurred,) = disc_blurred_stack(moved_picture(sharp, truth), [8.0])
    area = Area.shown(truth, SHAPE)
    over = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        noisy = (
            np.maximum(one + rng.normal(0, 0.02, SHAPE), 0) for one in (blurred, sharp)
        )
        first, second = (np.asarray(one, np.float32) for one in noisy)
        step = strong_blur_step(
            first, second, area, CENTRES, np.full(len(CENTRES), 8.0)
        )
        over.append(corner_distance_px(step.matrix, truth, SHAPE) / step.error_px)
    assert 0.5 < np.sqrt(np.mean(np.square(over))) < 2
