"""The guard: tiles whose restoration does not explain what was given are put back."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.learned_map import BlurMap
from defocus.blur.map_network import CELL_PX
from defocus.blur.noise import noise_by_brightness
from defocus.restoration.guard.agreement import STRIDE_PX, Agreement, agreement
from defocus.restoration.guard.limits import limited
from defocus.restoration.guard.share import share_worth_keeping

__all__ = ["Guarded", "guarded", "guarded_beyond"]

NOISES = 3.0
"""What is left may be so many times the noise, which is the same in neighbours to some degree."""
ROUNDING = 1.25 / 255
UNEXPLAINED = 0.8
"""Of the change: real blurs are not the same in every direction, and a tile has several of them. Of
the stream's tiles that gain, 3 in 10,000 have more."""
IN_FOCUS_PX, BLURRED_PX = 1.0, 2.2
"""From the first diameter on that begins to hold, and from the second it holds fully."""
LEAST_FREQUENCY = 3.0
"""Cycles per 128 px: what is slower than that has no band to speak of."""
SURELY_WAVE, RATHER_WAVE = 0.15, 0.25
"""Bandwidth of a wave, which looks the same behind any blur; of the stream's tiles that gain, 5 in
1,000 have less than the second."""
SHIFTED = 0.6
"""Of the change, so much the mean may move: light adds up in linear light, not in stored values."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Guarded:
    """What the guard made of a restored picture; tiles are of 64 x 64 px."""

    restored: Array
    tiles: int
    put_back: int  # how many of the tiles are as they were given


def guarded(blurry: Array, restored: Array, blur_map: BlurMap) -> Guarded:
    """Put back what cannot be true of a restored picture ``(H, W, 3)``."""
    # As much of the change is kept as is likely to be worth it. Lightness and colours are limited
    # to what is around each pixel, and changes to small ones where edges are crisp. Then each tile
    # is blurred again as strongly as the map allows at most: where that does not give what was
    # given, within the noise, the tile fades back to it. So does a tile that is a plain wave, of
    # which no blur can be seen.
    share = share_worth_keeping(blurry, restored)
    within, shares = _judged(blurry, restored, blur_map, share)
    _fade_back(within, blurry, shares)
    return Guarded(within, shares.size, int((shares == 1).sum()))


def guarded_beyond(blurry: Array, restored: Array, blur_map: BlurMap) -> Array:
    """Twice the change behind the guard: what cannot be true stays as it was restored."""
    within, shares = _judged(blurry, 2 * restored - blurry, blur_map)
    _fade_back(within, restored, shares)
    return within


def _judged(
    blurry: Array, restored: Array, blur_map: BlurMap, share: Array | None = None
) -> tuple[Array, NDArray[np.float64]]:
    """The picture within its limits, and how surely each tile of it cannot be true, in [0, 1]."""
    noise = noise_by_brightness(blurry)
    within = limited(restored, blurry, noise, share)
    del restored  # if nobody else has it: two copies of a large picture take much memory
    median, highest = (
        _of_tiles(one, blur_map.size) for one in (blur_map.diameter_px, blur_map.highest_px)
    )
    found = agreement(blurry, within, highest, noise)
    likely = np.sqrt((1 + median) * (1 + highest)) - 1
    return within, np.maximum(_disagrees(found, likely), _wave(found))


def _of_tiles(cells: Array, size: tuple[int, int]) -> Array:
    """``(rows, columns)``: the largest of the cells in each tile."""
    per_tile = STRIDE_PX // CELL_PX
    rows, columns = (math.ceil(length / STRIDE_PX) for length in size)
    pad = (rows * per_tile - cells.shape[0], columns * per_tile - cells.shape[1])
    wide = np.pad(cells, ((0, pad[0]), (0, pad[1])), mode="edge")
    largest = wide.reshape(rows, per_tile, columns, per_tile).max(axis=(1, 3))
    return np.asarray(largest, np.float32)


def _disagrees(found: Agreement, likely: Array) -> NDArray[np.bool_]:
    blurred = np.clip((likely - IN_FOCUS_PX) / (BLURRED_PX - IN_FOCUS_PX), 0, 1)
    left = np.hypot(NOISES * found.noise, ROUNDING) + UNEXPLAINED * blurred * found.change
    shifted = found.noise + ROUNDING + SHIFTED * found.change
    return np.asarray((found.left > left) | (found.shift > shifted))


def _wave(found: Agreement) -> NDArray[np.float64]:
    """How surely each tile is a plain wave, in [0, 1]."""
    narrow = (RATHER_WAVE - found.bandwidth) / (RATHER_WAVE - SURELY_WAVE)
    return np.asarray(np.clip(narrow, 0, 1) * (found.frequency > LEAST_FREQUENCY))


def _fade_back(restored: Array, safe: Array, shares: NDArray[np.float64]) -> None:
    """Give each tile a share of a safe picture, and fade over half of a tile around it."""
    if not shares.any():
        return
    rows, columns = (2 * count for count in shares.shape)
    halves = cv2.resize(shares.astype(np.float32), (columns, rows), interpolation=cv2.INTER_NEAREST)
    grown = np.asarray(cv2.dilate(halves, np.ones((3, 3), np.uint8)), np.float32)
    size = (columns * STRIDE_PX // 2, rows * STRIDE_PX // 2)
    share = cv2.resize(grown, size, interpolation=cv2.INTER_LINEAR)
    share = np.asarray(share, np.float32)[: safe.shape[0], : safe.shape[1], None]
    restored += share * (safe - restored)
