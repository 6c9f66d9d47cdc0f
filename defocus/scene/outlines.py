"""Soft-edged foreground shapes, as signed distances.

Positions and sizes are in units of the frame's height, from the frame's centre, x right, y down."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CutOutKind = Literal["disc", "ring", "square", "star", "bars", "letters"]
Distance = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

# Strokes (left, top, right, bottom) of letters drawn in a box from -0.5 to 0.5.
STROKES: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "D": ((-0.4, -0.5, -0.2, 0.5), (-0.4, -0.5, 0.25, -0.32), (-0.4, 0.32, 0.25, 0.5),
          (0.15, -0.4, 0.35, 0.4)),
    "E": ((-0.4, -0.5, -0.2, 0.5), (-0.4, -0.5, 0.35, -0.32), (-0.4, -0.09, 0.25, 0.09),
          (-0.4, 0.32, 0.35, 0.5)),
    "F": ((-0.4, -0.5, -0.2, 0.5), (-0.4, -0.5, 0.35, -0.32), (-0.4, -0.09, 0.25, 0.09)),
    "H": ((-0.4, -0.5, -0.2, 0.5), (0.2, -0.5, 0.4, 0.5), (-0.4, -0.09, 0.4, 0.09)),
    "L": ((-0.4, -0.5, -0.2, 0.5), (-0.4, 0.32, 0.35, 0.5)),
    "T": ((-0.1, -0.5, 0.1, 0.5), (-0.4, -0.5, 0.4, -0.32)),
}  # fmt: skip


@dataclass(frozen=True)
class CutOut:
    """A cut-out shape."""

    kind: CutOutKind
    x: float  # x, y: centre, in frame heights from the frame's centre
    y: float
    size: float  # diameter or side, in frame heights
    turn_deg: float = 0.0  # rotation, positive clockwise on the screen
    softness_px: float = 1.0  # width of the edge, in pixels of the frame
    text: str = ""  # the letters of kind ``letters``, of D, E, F, H, L and T


def shape_alpha(
    shape: CutOut, x: NDArray[np.float64], y: NDArray[np.float64], height_px: float
) -> NDArray[np.float64]:
    """Opacity of a shape at points of the frame: same shape as ``x``, in [0, 1]."""
    turn = math.radians(shape.turn_deg)
    dx, dy = x - shape.x, y - shape.y
    u = (math.cos(turn) * dx + math.sin(turn) * dy) / shape.size
    v = (-math.sin(turn) * dx + math.cos(turn) * dy) / shape.size
    inside = _letters(shape.text, u, v) if shape.kind == "letters" else _DISTANCES[shape.kind](u, v)
    distance_px = inside * shape.size * height_px
    return np.asarray(np.clip(distance_px / shape.softness_px + 0.5, 0.0, 1.0))


def _star(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """A star with five soft points: a disc whose radius varies with the angle."""
    radius = 0.36 + 0.14 * np.cos(5.0 * np.arctan2(u, -v))
    return np.asarray(0.8 * (radius - np.hypot(u, v)))


def _letters(text: str, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.full(u.shape, -np.inf)
    for place, letter in enumerate(text):
        shifted = u - (place - (len(text) - 1) / 2)
        for left, top, right, bottom in STROKES[letter]:
            box = np.minimum(
                np.minimum(shifted - left, right - shifted), np.minimum(v - top, bottom - v)
            )
            result = np.maximum(result, box)
    return result


_DISTANCES: dict[str, Distance] = {
    "disc": lambda u, v: 0.5 - np.hypot(u, v),
    "ring": lambda u, v: 0.12 - np.abs(np.hypot(u, v) - 0.38),
    "square": lambda u, v: 0.5 - np.maximum(np.abs(u), np.abs(v)),
    "star": _star,
    # endless upright bars with gaps twice as wide: a fence in front of the whole frame
    "bars": lambda u, v: 1.0 / 6.0 - np.abs(np.mod(u, 1.0) - 0.5) + 0.0 * v,
}
