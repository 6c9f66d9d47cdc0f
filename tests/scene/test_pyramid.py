"""Large photographs: crops at every level of their pyramid, in little memory."""

from collections import Counter

import numpy as np
import pytest

from defocus.pictures.values import srgb_to_linear
from defocus.scene import pyramid
from defocus.scene.pictures import Photograph
from defocus.scene.pyramid import PARTS, Pyramid, in_memory

HASH = "5" * 64
LEVELS, CROPS = 4, 400


@pytest.fixture
def small(monkeypatch):
    """A photograph of 384 × 512 px has three levels of parts, and 48 × 64 px fit whole."""
    monkeypatch.setattr(pyramid, "WHOLE_PIXELS", 48 * 64)
    monkeypatch.setattr(pyramid, "PART_PX", 40)


def noise_of(height, width):
    """Grey noise, whose contrast halves with each level."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 1), np.uint8)
    return np.repeat(noise, 3, axis=2)


def test_only_large_photographs_become_parts():
    assert isinstance(in_memory(noise_of(1024, 1024), HASH), Photograph)
    assert isinstance(in_memory(noise_of(1024, 1025), HASH), Pyramid)


def test_memory_is_that_of_the_parts():
    large = Pyramid.of(noise_of(3000, 4000), HASH)
    assert [len(level) for level in large.parts] == [PARTS, PARTS]
    assert large.nbytes <= 2 * PARTS * pyramid.PART_PX**2 * 3 + pyramid.WHOLE_PIXELS * 3
    for level in large.parts:
        for part in level:
            assert part.pixels.base is None, "a view would keep the whole photograph"
    assert large.whole.pixels.shape == (750, 1000, 3)


def test_parts_have_the_pixels_of_their_level(small):
    pixels = noise_of(384, 512)
    large = Pyramid.of(pixels, HASH)
    assert len(large.parts) == LEVELS - 1
    windows = np.lib.stride_tricks.sliding_window_view(pixels[:, :, 0], 40, axis=1)
    rows = {row.tobytes() for row in windows.reshape(-1, 40)}
    assert all(part.pixels[0, :, 0].tobytes() in rows for part in large.parts[0])
    contrast = [np.mean([part.pixels.std() for part in level]) for level in large.parts]
    np.testing.assert_allclose(contrast, contrast[0] / np.array((1, 2, 4)), rtol=0.1)


def test_crops_are_as_taken_in_half_of_all_and_show_every_level(small):
    large = Pyramid.of(noise_of(384, 512), HASH)
    random = np.random.default_rng(0)
    values = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)
    seen = Counter[int]()
    for _ in range(CROPS):
        crop = large.crop(random, 24, 24)
        assert crop.shape == (24, 24, 3)
        stored = np.abs(values[:, None] - crop[:, :, 0].reshape(1, -1)).argmin(axis=0)
        seen[int(np.log2(74 / max(stored.std(), 1)) + 0.5)] += 1
    assert seen[0] / CROPS == pytest.approx(0.5, abs=0.08)
    assert seen[1] / CROPS == pytest.approx(1 / 6, abs=0.06)
    assert seen[2] / CROPS == pytest.approx(1 / 6, abs=0.06)


def test_a_photograph_has_the_same_parts_in_every_process(small):
    one, other = (Pyramid.of(noise_of(384, 512), HASH) for _ in "ab")
    crops = [each.crop(np.random.default_rng(7), 30, 90) for each in (one, other)]
    np.testing.assert_array_equal(*crops)
    assert crops[0].shape == (30, 90, 3)
    elsewhere = Pyramid.of(noise_of(384, 512), "6" * 64)
    assert not np.array_equal(one.parts[0][0].pixels, elsewhere.parts[0][0].pixels)
