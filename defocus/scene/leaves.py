"""Dead leaves: overlapping discs whose radii have a density of r^-3, from a seed.

Their spectrum falls as that of natural pictures (Lee, Mumford and Huang, IJCV 2001)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LARGEST = 0.12
SUB_PIXEL_BITS = 4
FINENESS = 4
DARK = 0.08
BRIGHT = 0.72


@dataclass(frozen=True)
class Leaf:
    """A disc in a square of side 1."""

    x: float  # centre to the right
    y: float  # centre downwards
    radius: float
    light: float  # linear light, 0 to 1


def leaves(
    seed: int,
    smallest: float,
    count: int,
) -> list[Leaf]:
    """Leaves in the order in which they fall; the last ones are on top."""
    random = np.random.default_rng(seed)
    inverse_squares = random.uniform(LARGEST**-2, smallest**-2, count)
    radii = 1.0 / np.sqrt(inverse_squares)
    places = random.uniform(-0.05, 1.05, (count, 2))
    lights = random.uniform(DARK, BRIGHT, count)
    rows = np.column_stack([places, radii, lights])
    return [Leaf(*row) for row in rows.tolist()]


def draw_leaves(discs: list[Leaf], side: int) -> Array:
    """``(side, side)`` linear light of leaves as square pixels see them."""
    fine = side * FINENESS
    canvas = np.full((fine, fine), (DARK + BRIGHT) / 2, np.float32)
    unit = fine << SUB_PIXEL_BITS
    offset = 1 << (SUB_PIXEL_BITS - 1)  # OpenCV's integers are middles of pixels
    for leaf in discs:
        x = round(leaf.x * unit) - offset
        y = round(leaf.y * unit) - offset
        cv2.circle(
            canvas,
            (x, y),
            round(leaf.radius * unit),
            leaf.light,
            -1,
            cv2.LINE_8,
            SUB_PIXEL_BITS,
        )
    reduced = canvas.reshape(side, FINENESS, side, FINENESS).mean(axis=(1, 3))
    return np.asarray(reduced, np.float64)


def leaves_picture(side: int, seed: int) -> Array:
    """``(side, side)`` linear light of dead leaves with radii from one pixel."""
    return draw_leaves(leaves(seed, 1.0 / side, 12_000), side)
