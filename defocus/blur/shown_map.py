"""The map of blur as it is shown: small diameters combined with the spectrum of wide blocks.

The network of the map and the spectrum err to opposite sides on small blurs, as photographs are
soft by themselves. A strong blur reads too small, and is enlarged. The guard's limits and the
scales of restoring were chosen with the map that :func:`shown_map` begins with."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.block_blur import TILE_PX, BlockBlur, block_blur
from defocus.blur.learned_map import CELL_PX, BlurMap

AROUND_CELLS = 65
"""Side of the surroundings, in cells of 8 px, in which the blur must be alike, because a block of
256 px mixes parts with different blur."""
ALIKE, MIXED = 0.3, 0.6
"""Standard deviation of log2(1 + d) in the surroundings, where d is the diameter in px. Up to the
first value the spectrum's estimate has its full share, from the second on none."""
SPECTRUM_SHARE = 0.75
"""Share of the spectrum's estimate in the mean of both, taken of log2(1 + d). With 0.5, discs of 8
px read 9.6 px in the median; with 1, photographs scatter more."""
ENLARGED_PX, STRONG_GAIN = (28.0, 40.0), 1.2
"""Diameters, px, between which a strong blur begins to be enlarged, and the factor from the second
on. Blurs of 48 to 128 px read 0.98 times to 0.71 times what they are, in the medians of sixteen
photographs that train the map, at 1:1 and at half the size; the factor is amid their inverses."""

Array = NDArray[np.float32]


def shown_map(blur_map: BlurMap, luma: Array) -> BlurMap:
    """The map to show of a picture whose luma ``(H, W)`` is in [0, 1]."""
    level = np.log2(1 + blur_map.diameter_px)
    spectrum = _at_cells(block_blur(luma), level.shape)
    share = SPECTRUM_SHARE * _alike(level) * (1 - blur_map.strong)
    change = share * (spectrum - level)
    diameters = np.exp2(level + change) - 1
    highest = np.exp2(np.log2(1 + blur_map.highest_px) + change) - 1
    gain = _gain(diameters)
    return replace(
        blur_map,
        diameter_px=np.asarray(np.maximum(diameters * gain, 0), np.float32),
        highest_px=np.asarray(np.maximum(highest * gain, 0), np.float32),
    )


def _gain(diameter_px: Array) -> Array:
    """The factor by which each diameter is enlarged: 1 up to 28 px, 1.2 from 40 px on."""
    begin_px, end_px = ENLARGED_PX
    octaves = np.log2(np.maximum(diameter_px, begin_px) / begin_px)
    share = np.minimum(octaves / np.log2(end_px / begin_px), 1)
    return np.asarray(STRONG_GAIN**share, np.float32)


def _alike(level: Array) -> Array:
    """``(h, w)`` in [0, 1]: 1 where all parts around a cell are blurred alike."""
    window = (AROUND_CELLS, AROUND_CELLS)
    mean = cv2.blur(level, window)
    variance = np.maximum(cv2.blur(level * level, window) - mean * mean, 0)
    share = (MIXED - np.sqrt(variance)) / (MIXED - ALIKE)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _at_cells(blocks: BlockBlur, shape: tuple[int, ...]) -> Array:
    """log2(1 + d) of blocks at cells, bilinear between the blocks' middles."""
    level = np.log2(1 + blocks.diameter_px)
    # The middle of a block lies where its four tiles meet.
    rows, columns = (CELL_PX * (np.arange(side) + 0.5) / TILE_PX - 1 for side in shape)
    across, down = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    at_cells = cv2.remap(
        level,
        across,
        down,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(at_cells, np.float32)
