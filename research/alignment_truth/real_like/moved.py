"""A sharp picture moved in a known way: as a whole, or with breathing and parallax in addition."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from defocus.align.sampling.positions import pixel_grid, transformed
from defocus.pictures.values import Image, as_integer, as_linear
from research.light import Array, Matrix, Random, encoded, single

BREATHING_PX, PARALLAX_PX, WAVES = 1.0, 1.0, 3
"""Largest breathing at the corners and largest parallax at any depth, px, either way; and the
number of waves whose mean is the depth."""
INVERSE_ROUNDS = 6
"""Rounds of a fixed point: after them less than a thousandth of a pixel is left."""


@dataclass(frozen=True)
class Bend:
    """Movement other than a similarity: breathing of third order, and one-way parallax."""

    breathing_px: float
    parallax_px: tuple[float, float]
    waves: Matrix

    @classmethod
    def drawn(cls, rng: Random) -> "Bend":
        """A random bend."""
        turn = rng.uniform(0, 2 * np.pi)
        length = rng.uniform(0, PARALLAX_PX)
        right = length * np.cos(turn)
        down = length * np.sin(turn)
        parallax_px = (right, down)
        breathing_px = rng.uniform(-1, 1) * BREATHING_PX
        waves = rng.uniform(-1, 1, (WAVES, 3))
        return cls(breathing_px, parallax_px, waves)

    def at(self, places: Array) -> Array:
        """``(2, H, W)`` displacement at positions in a picture of that size, px."""
        size = np.array(places.shape[:0:-1])
        half = size.reshape(2, 1, 1) / 2
        place = places / half - 1
        x, y = place
        radius = np.hypot(x, y) / np.sqrt(2)
        u, v, phase = self.waves.T[:, :, None, None]
        turns = 2 * u * x + 2 * v * y + phase
        depth = np.cos(np.pi * turns).mean(axis=0)
        outwards = self.breathing_px * radius**2 * place / np.sqrt(2)
        direction = np.reshape(self.parallax_px, (2, 1, 1))
        return single(outwards + direction * depth)


def moved(
    sharp: Image,
    matrix: Matrix,
    bend: Bend | None,
) -> tuple[Image, Callable[[Array], Array]]:
    """A moved picture, and the function from positions in the picture to those in the moved one."""
    grid = pixel_grid(*sharp.shape[:2])
    inverse = np.asarray(np.linalg.inv(matrix), np.float64)
    back = transformed(grid, inverse)
    source = back if bend is None else back + bend.at(back)
    light = as_linear(sharp)
    lanczos = cv2.INTER_LANCZOS4
    border = cv2.BORDER_REFLECT
    across, down = source
    remapped = cv2.remap(light, across, down, lanczos, borderMode=border)
    codes = as_integer(encoded(np.asarray(remapped)), 8)

    def there(places: Array) -> Array:
        start = places
        for _ in range(INVERSE_ROUNDS if bend else 0):
            start = places - bend.at(start) if bend else start
        return transformed(start, matrix)

    return codes, there
