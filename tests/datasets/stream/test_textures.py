"""Procedural textures of the stream."""

import numpy as np
import pytest

from defocus.datasets.stream.scene import LEAST_PX
from defocus.datasets.stream.textures import draw_texture


@pytest.mark.parametrize("seed", range(40))
def test_the_smallest_textures_can_be_drawn(seed: int) -> None:
    texture = draw_texture(np.random.default_rng(seed), LEAST_PX, 40)
    assert texture.shape == (LEAST_PX, 40, 3)
    assert np.isfinite(texture).all()
    assert texture.min() >= 0
