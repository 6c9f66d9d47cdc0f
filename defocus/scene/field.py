"""Grid of field positions between which PSFs are interpolated."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Zone", "field_zones"]

PER_SIDE = 5
ROUNDING = 1e-9


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


def field_zones(shape: tuple[int, ...], *, varying: bool, margin_px: int = 0) -> list[Zone]:
    """The zones of a picture (height, width); a single one unless its PSF is varying.

    Args:
        shape: Height and width with the margin.
        varying: Whether the PSF differs from place to place.
        margin_px: Rows and columns on each side that lie beyond the picture: what is farther out
            than its corner is as in the corner.
    """
    if not varying:
        return [Zone((0.0, 0.0), np.ones((1, 1, 1)))]
    height, width = shape
    half_diagonal = math.hypot(width - 1 - 2 * margin_px, height - 1 - 2 * margin_px) / 2
    rows, columns = _hats(height), _hats(width)
    across, down = (np.linspace(-0.5, 0.5, PER_SIDE) * (side - 1) for side in (width, height))
    return [
        Zone(
            _in_field(float(across[i]) / half_diagonal, float(down[j]) / half_diagonal),
            (rows[j][:, None] * columns[i][None, :])[:, :, None],
        )
        for j in range(PER_SIDE)
        for i in range(PER_SIDE)
    ]


def _in_field(x: float, y: float) -> tuple[float, float]:
    """The place, or that at the edge of the field in its direction."""
    out = math.hypot(x, y)
    return (x, y) if out <= 1.0 + ROUNDING else (x / out, y / out)


def _hats(length: int) -> NDArray[np.float64]:
    """Linear interpolation weights of the places, ``(PER_SIDE, length)``."""
    position = np.linspace(0, PER_SIDE - 1, length)
    return np.clip(1.0 - np.abs(position[None, :] - np.arange(PER_SIDE)[:, None]), 0.0, 1.0)
