"""The map of blur as it is shown: small diameters combined with the spectrum of wide blocks.

The network of the map and the spectrum err to opposite sides on small blurs, as photographs are
soft by themselves; the guard's limits were chosen with the map that :func:`shown_map` begins with.
"""

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

Array = NDArray[np.float32]


def shown_map(blur_map: BlurMap, luma: Array) -> BlurMap:
    """The map to show of a picture whose luma ``(H, W)`` is in [0, 1]; strong blurs stay."""
    level = np.log2(1 + blur_map.diameter_px)
    spectrum = _at_cells(block_blur(luma), level.shape)
    share = SPECTRUM_SHARE * _alike(level) * (1 - blur_map.strong)
    change = share * (spectrum - level)
    diameters = np.exp2(level + change) - 1
    highest = np.exp2(np.log2(1 + blur_map.highest_px) + change) - 1
    return replace(
        blur_map,
        diameter_px=np.asarray(np.maximum(diameters, 0), np.float32),
        highest_px=np.asarray(np.maximum(highest, 0), np.float32),
    )


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
