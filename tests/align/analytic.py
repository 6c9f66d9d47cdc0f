"""A picture that is known between its pixels: waves of known light."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import Image, as_integer, linear_to_srgb

Array = NDArray[np.float64]
Light = Callable[[Array, Array], Array]


def waves(seed: int = 0, shortest_px: float = 8.0, count: int = 6) -> Light:
    """Linear light ``(…, 3)`` at any position: a sum of waves no shorter than ``shortest_px``."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, (3, count))
    frequency = rng.uniform(0.3, 1.0, (3, count)) / shortest_px * 2 * np.pi
    phase = rng.uniform(0, 2 * np.pi, (3, count))

    def light(x: Array, y: Array) -> Array:
        along = np.cos(angle) * np.asarray(x)[..., None, None]
        along = along + np.sin(angle) * np.asarray(y)[..., None, None]
        return np.asarray(
            0.4 + 0.3 / count * np.sin(frequency * along + phase).sum(axis=-1)
        )

    return light


def stored(light: Light, width: int, height: int, bits: int = 16) -> Image:
    """The picture of that light."""
    x, y = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
    return as_integer(linear_to_srgb(light(x, y)), bits)
