"""Textures: pictures of scikit-image in linear light, and drawn ones."""

import numpy as np
import pytest
from skimage import data

from defocus.errors import RegistryError
from defocus.pictures.values import srgb_to_linear
from defocus.scene.occluders import LEAST_PX
from defocus.scene.pictures import PICTURES, texture
from defocus.scene.textures import dead_leaves


@pytest.mark.parametrize("name", ["chelsea", "coins"])
def test_a_texture_is_the_picture_in_linear_light(name):
    pixels = np.asarray(getattr(data, name)())
    height, width = pixels.shape[:2]
    expected = srgb_to_linear(pixels / 255.0)
    colour = np.stack([expected] * 3, axis=2) if pixels.ndim == 2 else expected
    np.testing.assert_array_equal(texture(name, width, height), colour)


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_there_without_a_network(name):
    picture = texture(name, 60, 40, (0.1, 0.1, 0.9, 0.9))
    assert picture.shape == (40, 60, 3)
    assert picture.min() >= 0.0
    assert picture.max() > 0.05
    assert picture.std() > 0.01


def test_unknown_picture_is_named(refused):
    with refused(RegistryError):
        texture("lena", 10, 10)


def test_leaves_of_a_low_texture_can_be_drawn():
    """Their largest size follows from the height, and could be below their smallest."""
    for seed in range(60):
        drawn = dead_leaves(np.random.default_rng(seed), LEAST_PX, 40)
        assert drawn.shape == (LEAST_PX, 40, 3)
        assert drawn.min() >= 0
