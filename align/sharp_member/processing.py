"""What processing has left in the file of a sharp member: blocks of compression, an enlargement.

Both are seen at the full size of the file alone, in the pixels as they are stored."""

import math
from dataclasses import dataclass

import numpy as np

from defocus.align.arrays import Doubles, Shape, Singles
from defocus.blur.enlargement import LUMA, enlarged_by
from defocus.pictures.values import Image, as_float
from defocus.strips import Array, Part

BLOCK_PX = 8
"""Side of the blocks of JPEG, px."""
CODES = 255
"""Number of the codes of 8 bits in which a step is given, whatever the file has."""
MOST_CODES = 8
"""Steps above this many codes count as this many. Edges of the scene make larger ones."""
OF_SQUARES = 5.5
"""Excess of the steps, codes, from which the scene itself has squares of 8 px. JPEG of quality 2 to
30 left 0.1 to 4.3 in seven photographs, squares of random colours 7.5."""
TILE_PX = 480
"""Side of the tiles whose steps are averaged, px; a whole number of blocks."""
MOST_TILES = 3
"""Most tiles along each axis; nine tiles show the blocks as well as the whole picture."""
LEAST_PX = 64
"""Least side of a tile, px. Smaller ones have too few blocks."""


@dataclass(frozen=True)
class Processing:
    """What processing has left in a picture; None if it is too small to show it."""

    # by how many codes of 255 the steps at the borders of blocks exceed those beside them
    block_codes: float | None = None
    enlarged: int = (
        0  # factor by which it was enlarged; 0 if no trace shows an enlargement
    )


NOT_LOOKED_FOR = Processing()
"""Processing of a picture that is not at hand as it was stored."""


class _InFloats:
    """A picture of integers as floats in [0, 1], part by part: the whole is seldom looked at."""

    def __init__(self, picture: Image) -> None:
        self._picture = picture

    @property
    def shape(self) -> Shape:
        return self._picture.shape

    def __getitem__(self, part: Part, /) -> Array:
        return np.asarray(as_float(self._picture[part]), np.float32)


def processing(picture: Image) -> Processing:
    """Look for what processing has left in a picture ``(H, W, 3)`` of integers."""
    factor = enlarged_by(_InFloats(picture))
    enlarged = factor if factor > 1 else 0
    return Processing(block_codes(picture), enlarged)


def block_codes(picture: Image) -> float | None:
    """By how much the steps at the borders of 8 px blocks exceed those beside them, codes of 255.

    The smaller number of both axes, as a screen or a fence has one of them; at least 0. None if
    the picture is too small."""
    height, width = picture.shape[:2]
    rows = min(height, TILE_PX)
    columns = min(width, TILE_PX)
    if min(rows, columns) < LEAST_PX:
        return None
    across = []
    down = []
    for top in _begins(height, rows):
        for left in _begins(width, columns):
            part = picture[top : top + rows, left : left + columns]
            codes = np.asarray(CODES * (as_float(part) @ LUMA), np.float32)
            across.append(_steps_by_phase(codes))
            down.append(_steps_by_phase(np.ascontiguousarray(codes.T)))
    excess = min(_excess(across), _excess(down))
    return excess if excess < OF_SQUARES else 0.0


def _begins(length: int, side: int) -> list[int]:
    """Where tiles begin that are spread evenly along an axis, at multiples of a block's side."""
    count = min(MOST_TILES, math.ceil(length / side))
    begins = np.linspace(0, length - side, count)
    return [int(begin) // BLOCK_PX * BLOCK_PX for begin in begins]


def _steps_by_phase(codes: Singles) -> Doubles:
    """Step ``(8,)`` between columns beyond its two neighbours, by the column modulo 8.

    The median of the blocks: a wall of bricks has steps at some of them only."""
    steps = np.abs(np.diff(codes, axis=1))
    beside = np.maximum(steps[:, :-2], steps[:, 2:])
    beyond = np.clip(steps[:, 1:-1] - beside, 0, MOST_CODES)
    means = beyond.mean(axis=0, dtype=np.float64)
    whole = len(means) // BLOCK_PX * BLOCK_PX
    by_block = means[:whole].reshape(-1, BLOCK_PX)
    return np.asarray(np.median(by_block, axis=0))


def _excess(tiles: list[Doubles]) -> float:
    """How far the largest mean step lies above the median of the others."""
    phases = np.mean(tiles, axis=0)
    largest = int(phases.argmax())
    others = np.delete(phases, largest)
    return float(phases[largest] - np.median(others))
