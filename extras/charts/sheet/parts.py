"""Parts of the chart that are measured, with the shapes that print them, mm of the A3 sheet."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.scene.leaves import Leaf, leaves
from defocus.scene.shapes import BLACK, Colour, Disc, FilledOutline, Shape, words

LEAST_LEAF = 0.25
LEAF_COUNT = 6000
MEAN_LEAF = 0.4
"""Mean linear light of leaves."""
CELL = 58.0
BAR = 7.6
"""Distance, mm, by which a leaf can extend beyond its square."""


WHITE: Colour = (255, 255, 255)


SQUARE_CORNERS = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
"""Corners of a square around the origin, whose side is 2, from the top left one on."""


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    colour: Colour,
    turn_deg: float = 0.0,
) -> FilledOutline:
    """A rectangle around a centre, turned clockwise."""
    angle = math.radians(turn_deg)
    corners = SQUARE_CORNERS * (width / 2, height / 2)
    turned = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    return FilledOutline((corners @ turned.T + (x, y),), colour)


def grey(light: float) -> Colour:
    """The sRGB grey of a linear light."""
    value = int(as_integer(linear_to_srgb(np.array([light])), 8)[0])
    return value, value, value


@dataclass(frozen=True)
class Dot:
    """A dot of the frame, which gives the geometry."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class SlantedSquare:
    """A turned square with four edges to measure; light is linear, 1 is bare paper."""

    x: float
    y: float
    side: float
    turn_deg: float
    dark: float = 0.0
    bright: float = 1.0  # linear light around it; 1 is bare paper


@dataclass(frozen=True)
class StarPattern:
    """A Siemens star of black and white sectors."""

    x: float
    y: float
    radius: float
    cycles: int


@dataclass(frozen=True)
class LeavesSquare:
    """A square of dead leaves, made from a seed."""

    x: float
    y: float
    side: float
    seed: int

    def leaves(self) -> list[Leaf]:
        """Leaves of the square, in a square of side 1."""
        return leaves(self.seed, LEAST_LEAF / self.side, LEAF_COUNT)


@dataclass(frozen=True)
class TextLine:
    """A line of random characters."""

    x: float
    y: float
    height: float
    text: str


@dataclass(frozen=True)
class Patch:
    """A square of one colour."""

    x: float
    y: float
    side: float
    colour: Colour


@dataclass(frozen=True)
class RuledLine:
    """A straight black line."""

    kind: Literal["line", "grid"]
    x: float
    y: float
    length: float
    width: float
    turn_deg: float


Part = Dot | SlantedSquare | StarPattern | LeavesSquare | TextLine | Patch | RuledLine


def part_shapes(part: Part) -> list[Shape]:
    """The shapes that print a part, in their order from below."""
    match part:
        case Dot():
            return [Disc(part.x, part.y, part.radius, BLACK)]
        case SlantedSquare():
            square = box(
                part.x,
                part.y,
                part.side,
                part.side,
                grey(part.dark),
                part.turn_deg,
            )
            around = box(part.x, part.y, CELL, CELL, grey(part.bright))
            return [square] if part.bright == 1.0 else [around, square]
        case StarPattern():
            return [_sectors(part)]
        case LeavesSquare():
            return _leaf_shapes(part)
        case TextLine():
            return [words(part.text, part.x, part.y, part.height)]
        case Patch():
            return [box(part.x, part.y, part.side, part.side, part.colour)]
        case RuledLine():
            return [box(part.x, part.y, part.length, part.width, BLACK, part.turn_deg)]


def _sectors(star: StarPattern) -> FilledOutline:
    """Black sectors, of which the one to the right of the centre is white."""
    quarter = math.pi / (2 * star.cycles)
    centre = np.array([star.x, star.y])
    contours: list[NDArray[np.float64]] = []
    for number in range(star.cycles):
        middle = (2 * number + 1) * math.pi / star.cycles
        arc = np.linspace(middle - quarter, middle + quarter, 5)
        rim = np.stack([np.cos(arc), np.sin(arc)], axis=1) * star.radius
        sector = np.vstack([np.zeros(2), rim])
        contours.append(sector + centre)
    return FilledOutline(tuple(contours), BLACK)


def _leaf_shapes(square: LeavesSquare) -> list[Shape]:
    """The leaves, and white bars over what sticks out."""
    left = square.x - square.side / 2
    top = square.y - square.side / 2
    shapes: list[Shape] = [
        box(square.x, square.y, square.side, square.side, grey(MEAN_LEAF))
    ]
    leaves = square.leaves()
    light = np.array([leaf.light for leaf in leaves])
    stored = as_integer(linear_to_srgb(light), 8).tolist()
    for leaf, value in zip(leaves, stored, strict=True):
        x = left + leaf.x * square.side
        y = top + leaf.y * square.side
        shapes.append(Disc(x, y, leaf.radius * square.side, (value, value, value)))
    return shapes + _bars_around(square)


def _bars_around(square: LeavesSquare) -> list[Shape]:
    """White bars at the four sides of a square."""
    off = (square.side + BAR) / 2
    length = square.side + 2 * BAR
    bars: list[Shape] = []
    for dx, dy in ((-off, 0), (off, 0), (0, -off), (0, off)):
        width, height = (BAR, length) if dx else (length, BAR)
        bars.append(box(square.x + dx, square.y + dy, width, height, WHITE))
    return bars
