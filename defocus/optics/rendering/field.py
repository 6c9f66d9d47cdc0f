"""Grid of field positions between which PSFs are interpolated."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.optics.aperture import Aperture

__all__ = ["Zone", "field_zones"]

PER_SIDE = 5


@dataclass(frozen=True)
class Zone:
    """One place in the field with its weight for each pixel.

    Attributes:
        place: (x, y) relative to the picture's centre, 1 = distance of the corner.
        weight: ``(H, W, 1)``, or ``(1, 1, 1)`` for a single zone, in [0, 1]; the weights of all
            zones add up to 1.
    """

    place: tuple[float, float]
    weight: NDArray[np.float64]


def field_zones(shape: tuple[int, ...], aperture: Aperture) -> list[Zone]:
    """The zones of a picture (height, width).

    A single one if the aperture is the same everywhere.
    """
    if not aperture.cats_eye:
        return [Zone((0.0, 0.0), np.ones((1, 1, 1)))]
    height, width = shape
    half_diagonal = math.hypot(width - 1, height - 1) / 2
    rows, columns = _hats(height), _hats(width)
    across, down = (np.linspace(-0.5, 0.5, PER_SIDE) * (side - 1) for side in (width, height))
    return [
        Zone(
            (float(across[i]) / half_diagonal, float(down[j]) / half_diagonal),
            (rows[j][:, None] * columns[i][None, :])[:, :, None],
        )
        for j in range(PER_SIDE)
        for i in range(PER_SIDE)
    ]


def _hats(length: int) -> NDArray[np.float64]:
    """Linear interpolation weights of the places, ``(PER_SIDE, length)``."""
    position = np.linspace(0, PER_SIDE - 1, length)
    return np.clip(1.0 - np.abs(position[None, :] - np.arange(PER_SIDE)[:, None]), 0.0, 1.0)
