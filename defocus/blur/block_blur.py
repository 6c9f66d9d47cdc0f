"""The circle of confusion of each block of a picture, fast: 24 megapixels in half a second.

From the shape of the spectrum: how strong gradients of seven sizes are relative to each other."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from defocus.blur.gradients import block_means, slopes

LEVELS = 7
"""Number of gradient scales; each is twice the one before. The coarsest sees a blur of 128 px."""
TILE_PX = 128
"""Side of the squares in which gradients are averaged: 2 px of the coarsest level."""
LEAST_PX = 512
"""Smallest side, px; smaller pictures are mirrored up to it, so that the coarsest level has 8
px."""
LEAST_TELLING_PX = 16
"""Smallest side, px, of a picture that says something about its blur; a smaller one would be mostly
its own mirror picture."""
STRIP_PX = 128
"""Rows whose gradients are computed at once; they stay in the processor's cache."""
NOTHING = 1e-10
"""Squared gradient, in shares of white per px, that counts as no detail: a thousandth of a step of
8 bits."""
PEAKS = (-1.0, 6.0)
"""Range of the logarithms of peaks that the network has seen."""

MOST_SPREAD = 2.5
"""A block says something about its blur if 1 + d of its 0.1 and 0.9 quantiles differ by a factor of
at most 2 to this power, 5.7. A sky has 8 or more, parts with detail have 1.4 to 5."""
LEAST_SHARE = 0.02
"""Smallest share of blocks that must say something about their blur; fewer are chance."""
SHARPEST_SHARE = 0.1
"""Share of blocks, those with the least blur, that stands for the sharpest part. A larger share
misses small subjects."""
IN_FOCUS_PX = 2.5
"""Circle of confusion, px, below which blocks count as in focus. Sharp parts of full-size
photographs have 0.5 to 2.5 px, because lens and sensor soften their pixels."""
NOISY_FALL = -1.8
"""Change of log2 energy from the finest gradients to the next below which noise hides the detail.
White noise has -3.1, photographs have -0.3 to 2; near -2, small blurs are confused."""

LEARNED = Path(__file__).with_name("blocks.safetensors")

Array = NDArray[np.float32]


@dataclass(frozen=True)
class BlockBlur:
    """Diameters in blocks of 256 px, ``(rows, columns)`` float32; neighbours overlap by half."""

    diameter_px: Array  # the median
    lowest_px: Array  # 10 of 100 truths are below
    highest_px: Array  # 10 of 100 truths are above
    shapes: Array  # those of :func:`spectrum_shapes`
    # ``(7, rows, columns)``: squared gradients of all sizes
    energies: NDArray[np.float64]

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """``(rows, columns)``: blocks that say something about their blur."""
        spread = np.log2((1 + self.highest_px) / (1 + self.lowest_px))
        return np.asarray((spread < MOST_SPREAD) & self._varied)

    @property
    def says_nothing(self) -> bool:
        """Whether too little of the picture has detail, as in a cloudless sky."""
        return bool(self.reliable.mean() < LEAST_SHARE)

    @property
    def noisy(self) -> bool:
        """Whether noise covers the finest detail in most blocks, so that blurs are doubtful."""
        return bool(np.median(self.shapes[..., 0]) < NOISY_FALL)

    @property
    def sharpest_px(self) -> float | None:
        """The diameter in the sharpest tenth of what has detail; None where all is flat."""
        # A plain picture has hardly anything that is reliable: there all blocks count.
        counted = self._varied if self.says_nothing else self.reliable
        if not counted.any():
            return None
        return float(np.quantile(self.diameter_px[counted], SHARPEST_SHARE))

    @property
    def median_px(self) -> float | None:
        """The median over the blocks that say something; None if none does."""
        if self.says_nothing:
            return None
        return float(np.median(self.diameter_px[self.reliable]))

    @property
    def in_focus(self) -> float | None:
        """The share in focus of the blocks that say something; None if none does."""
        if self.says_nothing:
            return None
        return float((self.diameter_px[self.reliable] < IN_FOCUS_PX).mean())

    @property
    def _varied(self) -> NDArray[np.bool_]:
        """Blocks that are not flat; in flat blocks all shapes are 0."""
        return np.asarray(self.shapes.any(axis=-1))


def block_blur(luma: Array) -> BlockBlur:
    """Estimate the circle of confusion in blocks of a picture's luma ``(H, W)`` in [0, 1]."""
    squares, fourths = _gradients(luma)
    shapes = _shapes(squares, fourths)
    if min(luma.shape) < LEAST_TELLING_PX:
        shapes = np.zeros_like(shapes)
    levels = as_levels(shapes, _weights())
    lowest, diameter, highest = np.moveaxis(np.exp2(levels.clip(min=0)) - 1, -1, 0)
    return BlockBlur(diameter, lowest, highest, shapes, squares)


def spectrum_shapes(luma: Array) -> Array:
    """``(rows, columns, 13)``: how gradients change from level to level, and how peaked they are.

    Contrast and brightness cancel. A blur takes the fine levels away, noise adds to the finest."""
    return _shapes(*_gradients(luma))


def _gradients(luma: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of squared gradients in blocks and of their squares, ``(7, rows, columns)`` each."""
    level = _mirrored(luma)
    energies = []
    for number in range(LEVELS):
        energies.append(_energies(level, TILE_PX >> number))
        level = np.asarray(cv2.pyrDown(level), np.float32)
    squares, fourths = np.moveaxis(_blocks(np.stack(energies)), 1, 0)
    return squares, fourths


def _shapes(squares: NDArray[np.float64], fourths: NDArray[np.float64]) -> Array:
    strengths = np.log2(squares + NOTHING)
    peaks = np.log2(fourths + NOTHING**2) / 2 - strengths
    falls = np.diff(strengths, axis=0)
    shapes = np.concatenate([falls, peaks.clip(*PEAKS)])
    return np.asarray(np.moveaxis(shapes, 0, -1), np.float32)


def as_levels(shapes: Array, weights: dict[str, Array]) -> Array:
    """``(…, 3)``: log2(1 + diameter) of the quantiles 0.1, 0.5 and 0.9, by the small network."""
    hidden = (shapes - weights["mean"]) / weights["deviation"]
    for layer in ("first", "second"):
        summed = hidden @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        hidden = summed / (1 + np.exp(-summed))
    median, below, above = np.moveaxis(
        hidden @ weights["ending.weight"].T + weights["ending.bias"],
        -1,
        0,
    )
    quantiles = median - np.logaddexp(below, 0), median, median + np.logaddexp(above, 0)
    return np.asarray(np.stack(quantiles, axis=-1), np.float32)


def _mirrored(luma: Array) -> Array:
    """A picture whose sides are multiples of a tile; its right and lower border are mirrored."""
    sides = [max(LEAST_PX, -(-side // TILE_PX) * TILE_PX) for side in luma.shape]
    below, right = (side - had for side, had in zip(sides, luma.shape, strict=True))
    border = cv2.copyMakeBorder(luma, 0, below, 0, right, cv2.BORDER_REFLECT)
    return np.asarray(border, np.float32)


def _energies(level: Array, tile_px: int) -> NDArray[np.float64]:
    """``(2, rows, columns)``: means of the gradient's square and of its fourth power in tiles."""
    squares = []
    fourths = []
    for top in range(0, len(level), STRIP_PX):
        # a row more on either side for the gradients at the border
        first = max(0, top - 1)
        strip = level[first : top + STRIP_PX + 1]
        across, down = slopes(strip)
        square = (across * across + down * down)[top - first :][:STRIP_PX]
        squares.append(block_means(square, tile_px))
        fourths.append(block_means(square * square, tile_px))
    return np.stack([np.concatenate(squares), np.concatenate(fourths)])


def _blocks(tiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of each 2 x 2 tiles that touch."""
    rows = tiles[..., :-1, :] + tiles[..., 1:, :]
    return np.asarray((rows[..., :-1] + rows[..., 1:]) / 4)


@cache
def _weights() -> dict[str, Array]:
    return {name: one.astype(np.float32) for name, one in load_file(LEARNED).items()}
