"""The blurs that a tile tries first."""

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.shared_area import Area
from defocus.align.registration.tiles.shifts import tile_centres

__all__ = ["first_tried"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_STEP_PX, BLUR_STEPS = 2.0, 5
"""How far off the blur that a coarser level found in a tile may be: px of that level, and a share
of the blur of one in so many."""


def first_tried(
    area: Area,
    side: int,
    grid: tuple[int, int],
    diameters: Array,
    every: int,
    coarser: tuple[int, Array, Array] | None,
    factor: int,
) -> Mask:
    """``(T, D)``, the blurs that each tile tries first: every so many, or near a coarser one's."""
    shape = (area.bottom - area.top, area.right - area.left)
    centres = tile_centres(shape, area.tile(side), grid) + np.array([area.left, area.top])
    shown = np.arange(len(diameters)) % every == 0
    if coarser is None:
        return np.repeat(shown[None], len(centres), axis=0)
    reduction, places, coc_px = coarser
    known, coc = (factor * (centres + 0.5) - 0.5)[:, None], coc_px / factor
    nearest = np.linalg.norm(known - places, axis=2).argmin(axis=1)
    step = np.maximum(LEAST_STEP_PX * reduction / factor, coc / BLUR_STEPS)[nearest, None]
    apart = np.abs(diameters - coc[nearest, None])
    return np.asarray((shown & (apart <= step)) | (apart == apart.min(axis=1, keepdims=True)))
