"""Procedural textures of the stream."""

import numpy as np

from defocus.scene.occluders import LEAST_PX
from defocus.scene.textures import dead_leaves


def test_leaves_of_a_low_texture_can_be_drawn() -> None:
    """Their largest size follows from the height, and could be below their smallest."""
    for seed in range(60):
        texture = dead_leaves(np.random.default_rng(seed), LEAST_PX, 40)
        assert texture.shape == (LEAST_PX, 40, 3)
        assert texture.min() >= 0
