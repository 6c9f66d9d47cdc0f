"""An enlarged picture is recognised and restored at its size before that; others are not."""

import time

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from defocus.blur.enlargement import enlarged_by, source_picture
from defocus.restoration.restoration import restore_colours
from tests.restoration.adversarial import KINDS, Trap, traps

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]

WAYS = {
    "OpenCV linear": cv2.INTER_LINEAR,
    "OpenCV cubic": cv2.INTER_CUBIC,
    "OpenCV Lanczos": cv2.INTER_LANCZOS4,
    "Pillow linear": Image.Resampling.BILINEAR,
    "Pillow cubic": Image.Resampling.BICUBIC,
    "Pillow Lanczos": Image.Resampling.LANCZOS,
}
WITH_DETAIL = ("noise", "text", "sharp", "sharpened", "jpeg")
"""Kinds of traps with detail along both axes."""


def photograph() -> Bytes:
    return np.ascontiguousarray(skimage.data.coffee()[:240, 100:420])


def larger(picture: Bytes, factor: float, way: str) -> Bytes:
    size = round(factor * picture.shape[1]), round(factor * picture.shape[0])
    if way.startswith("OpenCV"):
        return np.asarray(cv2.resize(picture, size, interpolation=WAYS[way]), np.uint8)
    resampling = Image.Resampling(WAYS[way])
    return np.asarray(Image.fromarray(picture).resize(size, resampling))


def as_jpeg(picture: Bytes, quality: int) -> Bytes:
    _, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def in_unit(picture: NDArray[np.number]) -> Array:
    return np.asarray(picture / np.float32(255), np.float32)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_an_enlarged_photograph_is_recognised(factor, way):
    picture = larger(photograph(), factor, way)
    assert enlarged_by(in_unit(picture)) == factor
    if "Lanczos" not in way:  # the weakest trace
        assert enlarged_by(in_unit(as_jpeg(picture, 95))) == factor


@pytest.mark.parametrize("factor", [2, 4])
def test_it_is_recognised_with_16_bits_and_turned(factor):
    deep = photograph().astype(np.uint16) * 257
    size = factor * deep.shape[1], factor * deep.shape[0]
    picture = cv2.resize(deep, size, interpolation=cv2.INTER_CUBIC)
    unit = np.asarray(picture / np.float32(65535), np.float32)
    assert enlarged_by(unit) == factor
    assert enlarged_by(np.ascontiguousarray(unit.transpose(1, 0, 2))) == factor
    assert enlarged_by(np.ascontiguousarray(unit[::-1])) == factor


@pytest.mark.parametrize("factor", [2, 4])
def test_it_is_recognised_though_most_of_it_was_blurred_before(factor):
    partly = photograph()
    partly[:, 120:] = cv2.GaussianBlur(partly, (0, 0), 3)[:, 120:]
    assert enlarged_by(in_unit(larger(partly, factor, "OpenCV cubic"))) == factor


@pytest.mark.parametrize("way", ["OpenCV cubic", "Pillow linear"])
def test_other_factors_count_as_none(way):
    for factor in (1.25, 1.7):
        assert enlarged_by(in_unit(larger(photograph(), factor, way))) == 1


NAMES = ("coffee", "astronaut", "chelsea", "rocket", "brick", "grass", "gravel", "page")


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_as_it_is_counts_as_not_enlarged(name):
    picture = getattr(skimage.data, name)()
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    picture = np.ascontiguousarray(picture[:, :, :3])
    half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(picture, (0, 0), 1.5)
    for one in (picture, half, soft):
        assert enlarged_by(in_unit(one)) == 1
        for quality in (90, 60, 30, 10):
            assert enlarged_by(in_unit(as_jpeg(one, quality))) == 1


def pixels(rng: np.random.Generator) -> Bytes:
    """Drawn with squares of 4 px."""
    drawn = rng.integers(0, 256, (80, 100, 3)).astype(np.uint8)
    return drawn.repeat(4, 0).repeat(4, 1)


def screen(rng: np.random.Generator) -> Bytes:
    """Windows whose edges lie at multiples of 4 px, and writing."""
    shown = np.full((480, 640, 3), 235, np.uint8)
    for _ in range(20):
        left, top, width, height = (4 * rng.integers(4, 60, 4)).tolist()
        colour = rng.integers(0, 256, 3).tolist()
        cv2.rectangle(shown, (left, top), (left + width, top + height), colour, -1)
    for line in range(24, 480, 24):
        words = "windows and writing" * 3
        cv2.putText(
            shown, words, (6, line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1
        )
    return shown


def waves(rng: np.random.Generator) -> Bytes:
    """Stripes along both axes with periods of whole pixels."""
    y, x = np.mgrid[:480, :640]
    periods = rng.choice([2, 3, 4, 8], 2)
    bright = np.sin(2 * np.pi * x / periods[0] + 1)
    bright += np.sin(2 * np.pi * y / periods[1] + 1)
    grey = 128 + 40 * bright + rng.normal(0, 4, x.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def mosaic(rng: np.random.Generator) -> Bytes:
    """Noise behind a mosaic of colours that was interpolated."""
    values = rng.integers(0, 256, (480, 640)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(values, cv2.COLOR_BayerRG2RGB), np.uint8)


@pytest.mark.parametrize("draw", [pixels, screen, waves, mosaic])
@pytest.mark.parametrize("seed", range(4))
def test_what_repeats_with_pixels_counts_as_not_enlarged(draw, seed):
    picture = draw(np.random.default_rng(seed))
    assert enlarged_by(in_unit(picture)) == 1
    assert enlarged_by(in_unit(as_jpeg(picture, 80))) == 1


def test_a_picture_without_detail_or_of_few_pixels_counts_as_not_enlarged():
    assert enlarged_by(np.full((400, 400, 3), 0.3, np.float32)) == 1
    assert enlarged_by(in_unit(larger(photograph()[:40, :40], 2, "OpenCV cubic"))) == 1
    assert enlarged_by(np.zeros((1, 1, 3), np.float32)) == 1


def test_no_trap_counts_as_enlarged():
    for seed in (3, 9):
        assert [one.name for one in traps(seed) if enlarged_by(one.given) > 1] == []


@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlarged_trap_is_recognised(factor):
    missed = []
    for trap in traps(3):
        kind, _ = trap.name.split("-")
        if kind in WITH_DETAIL and enlarged_by(enlarged(trap, factor)) != factor:
            missed.append(trap.name)
    assert len(missed) <= 2, missed


def enlarged(trap: Trap, factor: int) -> Array:
    size = factor * trap.given.shape[1], factor * trap.given.shape[0]
    picture = cv2.resize(trap.given, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.rint(255 * np.clip(picture, 0, 1)) / 255, np.float32)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_the_source_comes_back(factor):
    sharp = in_unit(photograph())
    picture = in_unit(larger(photograph(), factor, "OpenCV cubic"))
    source = source_picture(picture, factor)
    assert source.shape == sharp.shape
    assert np.sqrt(np.square(source - sharp).mean()) < 0.5 / 255


def test_a_large_picture_gives_the_same_source_in_strips():
    rng = np.random.default_rng(5)
    picture = cv2.resize(
        rng.random((700, 40, 3), np.float32),
        (81, 1399),
        interpolation=cv2.INTER_CUBIC,
    )
    picture = np.clip(picture, 0, 1)
    source = source_picture(picture, 2)
    assert source.shape == (700, 41, 3)
    lower = source_picture(picture[600:], 2)
    assert np.abs(source[330:] - lower[30:]).max() < 1e-3


def psnr(first: Array, second: Array) -> float:
    return float(-10 * np.log10(np.square(first - second).mean() + 1e-12))


@pytest.mark.full
@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlarged_sharp_picture_is_left_and_a_blurred_one_restored(own, factor):
    sharp = in_unit(photograph())
    y, x = np.mgrid[-4:5, -4:5]
    disc = (np.hypot(x, y) <= 3.5).astype(np.float32)
    blurred = np.asarray(cv2.filter2D(sharp, -1, disc / disc.sum()), np.float32)
    pictures = []
    for one in (sharp, blurred):
        stored = np.rint(255 * one).astype(np.uint8)
        pictures.append(in_unit(larger(stored, factor, "OpenCV cubic")))
    truth, blurry = pictures
    left = restore_colours(own, truth)
    assert left.plan.enlarged == factor
    assert min(left.plan.factors) == factor
    assert psnr(left.restored, truth) > 36
    restored = restore_colours(own, blurry).restored
    assert psnr(restored, truth) > psnr(blurry, truth) + 1.5


def test_every_kind_of_trap_is_named():
    assert set(WITH_DETAIL) <= set(KINDS)


def test_it_takes_little_time():
    picture = np.random.default_rng(0).random((3000, 4000, 3), np.float32)
    started = time.process_time()
    enlarged_by(picture)
    assert time.process_time() - started < 0.6
