"""The sharpness of an edge from Python."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

import defocus
from defocus.pictures.values import linear_to_srgb

SIGMA_PX = 1.5


def edge() -> np.ndarray:
    """A slanted edge, blurred by a normal distribution, in sRGB."""
    rows, columns = np.mgrid[0:200, 0:120]
    across = (columns - 60) * math.cos(math.radians(5)) + (rows - 100) * math.sin(
        math.radians(5)
    )
    light = 0.1 + 0.7 * ndtr(across / SIGMA_PX)
    return np.repeat(linear_to_srgb(light)[:, :, None], 3, axis=2)


def test_the_mtf_of_a_known_blur_is_found():
    truth = math.sqrt(math.log(2) / 2) / (math.pi * SIGMA_PX)
    assert defocus.measure_mtf(edge()).mtf50 == pytest.approx(truth, rel=0.01)
