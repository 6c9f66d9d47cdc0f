"""Loss of sharpness by interpolation."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.compensate import Compensation
from defocus.align.compensation.crop import Rectangle, ReleaseGrid
from defocus.align.sampling.kernels import Kernel
from defocus.align.sampling.placement import Placement
from defocus.align.sampling.resample import Resampling, resampled
from defocus.images import Image, as_float

__all__ = ["sharpness_lost"]

TILE_PX = 128
TILES = (4, 5)
LEAST_ENERGY = 1e-9


def sharpness_lost(sharp: Image, plan: Compensation) -> float | None:
    """Share of gradient energy lost by resampling, over tiles; None if they have no gradient.

    Each is compared with itself moved by whole pixels. Noise counts; overshoot can give < 0.
    """
    kept = full = 0.0
    for tile in _tiles(plan.grid):
        columns, rows = tile.columns(), tile.rows()
        xs, ys = plan.placement(columns, rows)
        shift = (
            np.rint(np.median(xs) - np.median(columns)),
            np.rint(np.median(ys) - np.median(rows)),
        )
        how = Resampling(plan.placement, tile, plan.kernel)
        kept += _energy(resampled(sharp, how)) / how.zoom() ** 2
        full += _energy(_moved(sharp, tile, shift, plan.kernel))
    return None if full < LEAST_ENERGY else 1.0 - kept / full


def _moved(sharp: Image, tile: ReleaseGrid, shift: tuple[float, float], kernel: Kernel) -> Image:
    """A tile of the sharp picture, moved by whole pixels; the border is repeated."""
    if tile.scale < 1.0:
        moved = np.eye(3)
        moved[:2, 2] = shift
        return resampled(sharp, Resampling(Placement(moved), tile, kernel))
    (height, width), (x, y) = sharp.shape[:2], shift
    column = np.clip(np.rint(tile.columns() + x), 0, width - 1).astype(int)
    row = np.clip(np.rint(tile.rows() + y), 0, height - 1).astype(int)
    return np.asarray(sharp[row[:, None], column])


def _tiles(grid: ReleaseGrid) -> list[ReleaseGrid]:
    """Grids of parts of a release."""
    side = TILE_PX / grid.scale
    crop = grid.crop
    width, height = min(int(side), crop.width), min(int(side), crop.height)
    lefts = np.linspace(crop.left, crop.left + crop.width - width, TILES[1]).astype(int)
    tops = np.linspace(crop.top, crop.top + crop.height - height, TILES[0]).astype(int)
    return [
        ReleaseGrid(Rectangle(int(left), int(top), width, height), grid.scale)
        for top in np.unique(tops)
        for left in np.unique(lefts)
    ]


def _energy(picture: Image) -> float:
    grey = as_float(picture).mean(axis=2).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    squared: NDArray[np.float32] = across * across + down * down
    return float(squared.mean())
