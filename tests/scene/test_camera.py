"""Cameras of a stream: both members of a pair have one exposure and one colour."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from defocus.pictures.values import linear_to_srgb
from defocus.scene.camera import StreamCamera, draw_camera, recorded
from defocus.scene.textures import draw_texture


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def light(seed: int, side: int = 96) -> np.ndarray:
    return draw_texture(generator(seed), side, side)


def test_a_clean_camera_changes_the_encoding_alone():
    scene = light(0)
    picture = recorded(StreamCamera(), scene, generator(0))
    np.testing.assert_allclose(picture, linear_to_srgb(np.clip(scene, 0, 1)), atol=2e-5)
    sharp = recorded(StreamCamera(), scene, None)
    assert np.abs(picture - sharp).max() <= 0.5 / 65535 + 1e-7  # rounded to 16 bits


@pytest.mark.parametrize("seed", range(30))
def test_what_is_in_focus_differs_by_noise_alone(seed):
    """In linear light: noise under a bent tone curve moves the mean, as in every camera."""
    drawn = draw_camera(generator(seed))
    camera = replace(drawn, quality=0, gamma=1.0, contrast=0.0, sharpening=0.0)
    scene = light(seed, 128)
    blurry, sharp = (
        recorded(camera, scene, generator(seed)),
        recorded(camera, scene, None),
    )
    apart = (blurry - sharp).reshape(-1, 3)
    inner = (sharp.reshape(-1, 3) > 0.1) & (sharp.reshape(-1, 3) < 0.9)
    for channel in range(3):
        values = apart[inner[:, channel], channel]
        if values.size > 500:
            # a mosaic makes neighbours alike: count a quarter of the values
            allowed = 4 * values.std() / np.sqrt(values.size / 4) + 0.002
            assert abs(values.mean()) < allowed


def test_noise_has_the_variance_it_says():
    flat = np.full((400, 400, 3), 0.4, np.float32)
    camera = StreamCamera(shot=0.002, read=1e-5, gamma=1.0)
    picture = recorded(camera, flat, generator(1))
    assert picture.mean() == pytest.approx(0.4, abs=3e-4)
    assert picture.var() == pytest.approx(0.002 * 0.4 + 1e-5, rel=0.03)


@pytest.mark.parametrize("edge_aware", [False, True])
def test_a_mosaic_keeps_flat_colours(edge_aware):
    flat = np.full((40, 40, 3), (0.2, 0.5, 0.35), np.float32)
    drawn = draw_camera(generator(4))
    camera = StreamCamera(
        mosaic=True, edge_aware=edge_aware, filter_px=0.6,
        matrix=drawn.matrix, red=drawn.red, blue=drawn.blue,
    )  # fmt: skip
    picture = recorded(camera, flat, None)[4:-4, 4:-4]
    expected = linear_to_srgb(np.array((0.2, 0.5, 0.35)))
    np.testing.assert_allclose(
        picture, np.broadcast_to(expected, picture.shape), atol=5e-4
    )


def test_highlights_beyond_white_are_white():
    bright = np.full((32, 32, 3), 6.0, np.float32)
    for seed in range(20):
        camera = replace(draw_camera(generator(seed)), quality=0)
        np.testing.assert_allclose(
            recorded(camera, bright, None)[4:-4, 4:-4], 1.0, atol=1e-3
        )


def test_the_sharp_member_has_no_noise_or_jpeg():
    scene = light(5)
    plain = StreamCamera(gamma=2.0, exposure=0.9, sharpening=0.9)
    treated = replace(plain, shot=0.01, read=1e-4, quality=70)
    np.testing.assert_array_equal(
        recorded(treated, scene, None), recorded(plain, scene, None)
    )
    changed = recorded(treated, scene, generator(0))
    assert np.abs(changed - recorded(plain, scene, generator(0))).mean() > 0.002


def test_a_sharp_picture_is_sharpened_as_the_blurry_one_is():
    """Else a network learns to soften pictures that a camera has sharpened."""
    scene, camera = light(6), StreamCamera(sharpening=0.9)
    apart = recorded(camera, scene, generator(0)) - recorded(camera, scene, None)
    assert np.abs(apart).max() <= 0.5 / 65535 + 1e-7


def test_sharpening_steepens_edges():
    edge = np.zeros((32, 32, 3), np.float32)
    edge[:, 16:] = 0.5
    soft = np.asarray(cv2.GaussianBlur(edge, (0, 0), 1.5), np.float32)
    plain = recorded(StreamCamera(), soft, generator(0))
    sharpened = recorded(
        StreamCamera(sharpening=0.8, sharpening_px=1.2), soft, generator(0)
    )
    assert np.diff(sharpened[16, :, 1]).max() > 1.05 * np.diff(plain[16, :, 1]).max()


def test_a_picture_larger_than_the_table_of_noise_has_noise_of_its_own(monkeypatch):
    camera = StreamCamera(shot=0.0, read=1e-4)
    light = np.full((40, 50, 3), 0.5, np.float32)
    usual = recorded(camera, light, np.random.default_rng(0))
    monkeypatch.setattr("defocus.scene.camera.NOISE_VALUES", light.size)
    large = recorded(camera, light, np.random.default_rng(0))
    assert large.std() == pytest.approx(usual.std(), rel=0.1)
    assert not np.array_equal(large, usual)
    again = recorded(camera, light, np.random.default_rng(0))
    assert np.array_equal(large, again)
