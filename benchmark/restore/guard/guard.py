"""The guard: tiles whose restoration does not explain what was given are put back."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.restore.blur_map.estimate import BlurMap
from defocus.benchmark.restore.blur_map.network import CELL_PX
from defocus.benchmark.restore.guard.agreement import STRIDE_PX, Agreement, agreement
from defocus.benchmark.restore.guard.limits import limited
from defocus.benchmark.restore.guard.noise import noise_by_brightness, noise_of

__all__ = ["Guarded", "guarded"]

NOISES = 3.0
"""What is left may be so many times the noise, which is the same in neighbours to some degree."""
PATTERN = 2.0
NOISES_OF_PATTERNS = 1.0
"""The same from twice this fineness on: fine stripes and noise itself, which look like more noise
than there is."""
ROUNDING = 1.25 / 255
UNEXPLAINED = 0.7
"""Of the change, where there is blur: real ones are not the same in every direction, and a tile has
several of them."""
IN_FOCUS_PX, BLURRED_PX = 1.0, 3.0
COARSE, FINE = 0.3, 0.6
"""Fineness of a tile: blurred ones have less than the first, those beyond the second are in focus;
of the stream's tiles with a circle of confusion from 2.5 px on, 2 in 100 have more than 0.45."""
SMALL_CHANGE = 0.006
"""Root mean square, 44.4 dB: where details are as fine as in focus, no change is larger."""
RATHER_FINE, SURELY_FINE = 0.2, 0.4
"""Fineness from which that begins to hold, and from which it holds fully. Of the stream's tiles
with 2 to 3 px of blur one in ten has more than the second, of those in focus one in four."""
SHIFTED = 0.6
"""Of the change, so much the mean may move: light adds up in linear light, not in stored values."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Guarded:
    """What the guard made of a restored picture.

    Attributes:
        restored: ``(H, W, 3)``.
        tiles: Of 64 x 64 px, how many there are.
        put_back: How many of them are as they were given.
    """

    restored: Array
    tiles: int
    put_back: int


def guarded(blurry: Array, restored: Array, blur_map: BlurMap) -> Guarded:
    """Put back what cannot be true.

    Lightness and colours are limited to what is around each pixel. Then each tile is blurred again
    as strongly as the map allows at most: where that does not give what was given, within the
    noise, the tile fades back to it. Where details are as fine as in focus, only a small change is
    left: a network that takes a sharp picture for a blurred one does little harm.

    Args:
        blurry: ``(H, W, 3)`` float32 in [0, 1], as it was given.
        restored: ``(H, W, 3)`` float32, finite.
        blur_map: Of ``blurry``.
    """
    noise = noise_by_brightness(blurry)
    within = limited(restored, blurry, noise)
    median, highest = (
        _of_tiles(one, blur_map.size) for one in (blur_map.diameter_px, blur_map.highest_px)
    )
    found = agreement(blurry, within, highest)
    likely = np.sqrt((1 + median) * (1 + highest)) - 1
    fails = _disagrees(found, noise_of(found.brightness, noise), likely)
    _fade_back(within, blurry, np.maximum(fails, _beyond_small(found)))
    return Guarded(within, fails.size, int(fails.sum()))


def _of_tiles(cells: Array, size: tuple[int, int]) -> Array:
    """``(rows, columns)``: the largest of the cells in each tile."""
    per_tile = STRIDE_PX // CELL_PX
    rows, columns = (math.ceil(length / STRIDE_PX) for length in size)
    pad = (rows * per_tile - cells.shape[0], columns * per_tile - cells.shape[1])
    wide = np.pad(cells, ((0, pad[0]), (0, pad[1])), mode="edge")
    largest = wide.reshape(rows, per_tile, columns, per_tile).max(axis=(1, 3))
    return np.asarray(largest, np.float32)


def _disagrees(found: Agreement, noise: NDArray[np.float64], likely: Array) -> NDArray[np.bool_]:
    by_map = (likely - IN_FOCUS_PX) / (BLURRED_PX - IN_FOCUS_PX)
    by_detail = (FINE - found.fineness) / (FINE - COARSE)
    blurred = np.clip(np.minimum(by_map, by_detail), 0, 1)
    patterned = np.clip(found.fineness / PATTERN - 1, 0, 1)
    allowed = (NOISES + patterned * (NOISES_OF_PATTERNS - NOISES)) * noise
    left = np.hypot(allowed, ROUNDING) + UNEXPLAINED * blurred * found.change
    shifted = noise + ROUNDING + SHIFTED * found.change
    return np.asarray((found.left > left) | (found.shift > shifted))


def _beyond_small(found: Agreement) -> NDArray[np.float64]:
    """Share of each tile's change that is beyond a small one where details are fine, in [0, 1)."""
    steps = np.log(np.maximum(found.fineness, 1e-9) / RATHER_FINE)
    fine = np.clip(steps / math.log(SURELY_FINE / RATHER_FINE), 1e-6, 1)
    return np.asarray(1 - np.minimum(1, SMALL_CHANGE / fine / np.maximum(found.change, 1e-9)))


def _fade_back(restored: Array, blurry: Array, shares: NDArray[np.float64]) -> None:
    """Give each tile a share of what was given, and fade over half of a tile around it."""
    if not shares.any():
        return
    rows, columns = (2 * count for count in shares.shape)
    halves = cv2.resize(shares.astype(np.float32), (columns, rows), interpolation=cv2.INTER_NEAREST)
    grown = np.asarray(cv2.dilate(halves, np.ones((3, 3), np.uint8)), np.float32)
    size = (columns * STRIDE_PX // 2, rows * STRIDE_PX // 2)
    share = cv2.resize(grown, size, interpolation=cv2.INTER_LINEAR)
    share = np.asarray(share, np.float32)[: blurry.shape[0], : blurry.shape[1], None]
    restored += share * (blurry - restored)
