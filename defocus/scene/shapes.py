"""Flat shapes of one colour, in mm, x right and y down."""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLACK", "WHITE", "Colour", "Disc", "FilledOutline", "Shape", "box", "words"]

Array = NDArray[np.float64]
Colour = tuple[int, int, int]
"""sRGB, 0 to 255."""

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class FilledOutline:
    """A shape with straight sides, perhaps with holes.

    Attributes:
        contours: Each ``(N, 2)``; what lies inside an odd number of them is filled.
        colour: Colour of the filling.
    """

    contours: tuple[Array, ...]
    colour: Colour


@dataclass(frozen=True)
class Disc:
    """A filled circle.

    Attributes:
        x: Centre.
        y: Centre.
        radius: Radius.
        colour: Colour of the filling.
    """

    x: float
    y: float
    radius: float
    colour: Colour


Shape = FilledOutline | Disc


def box(
    x: float, y: float, width: float, height: float, colour: Colour, turn_deg: float = 0.0
) -> FilledOutline:
    """A rectangle around a centre, turned clockwise."""
    angle = math.radians(turn_deg)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2)
    turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return FilledOutline((corners @ turned.T + (x, y),), colour)


@functools.lru_cache(maxsize=128)
def _glyphs(text: str) -> tuple[tuple[Array, ...], float]:
    """Contours of a text whose capitals are 1 high, and its width."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath  # slow to import, and only drawing needs it

    font = FontProperties(family="DejaVu Sans")
    capital = TextPath((0, 0), "H", size=100, prop=font).get_extents().height
    drawn = TextPath((0, 0), text, 100, prop=font).to_polygons()
    found = [np.asarray(p, np.float64) * (1 / capital, -1 / capital) for p in drawn]
    return tuple(found), max(float(p[:, 0].max()) for p in found)


def words(text: str, x: float, y: float, height: float, colour: Colour = BLACK) -> FilledOutline:
    """A line of text as outlines.

    Args:
        text: The text.
        x: Left end.
        y: Base line.
        height: Height of capitals.
        colour: Colour of the letters.
    """
    contours, _ = _glyphs(text)
    return FilledOutline(tuple(contour * height + (x, y) for contour in contours), colour)
