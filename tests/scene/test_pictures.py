"""Textures: pictures of scikit-image in linear light."""

import numpy as np
import pytest
from skimage import data

from defocus.images import srgb_to_linear
from defocus.scene.pictures import texture


@pytest.mark.parametrize("name", ["chelsea", "coins"])
def test_a_texture_is_the_picture_in_linear_light(name: str) -> None:
    pixels = np.asarray(getattr(data, name)())
    height, width = pixels.shape[:2]
    expected = srgb_to_linear(pixels / 255.0)
    colour = np.stack([expected] * 3, axis=2) if pixels.ndim == 2 else expected
    np.testing.assert_array_equal(texture(name, width, height), colour)
