"""Small tiles in the place of large ones, where the blurry picture is sharp.

A tile of a sixth of the picture often shows two depths, whose blurs and occlusions move its peak:
in real pairs by up to a pixel, though its height says a tenth of that. What is in focus has detail
enough for half the side, and such a tile shows one depth more often.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.blur_matching import FINE_DIAMETERS_PX
from defocus.align.registration.tiles.shifts import (
    TiledPicture,
    TileShifts,
    most_alike_shifts,
    tiled,
)

__all__ = ["SmallTiles", "small_tiles", "with_small_tiles"]

Grey = NDArray[np.float32]
Array = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

SMALLEST_SIDE = 48
LARGEST_COC_PX, LEAST_LIKENESS = 3.0, 0.8
"""Circle of confusion up to which a small tile counts, and how much alike it must be: where the
blur grows across a tile the displacement errs towards the sharper side, and noise looks sharp."""


@dataclass(frozen=True)
class SmallTiles:
    """Tiles small enough to be sharp, with their circles of confusion, height and width."""

    shifts: TileShifts
    coc_px: Array  # ``(S,)`` their circles of confusion
    tile: tuple[int, int]


def small_tiles(
    first: Grey, large: TiledPicture, blurred: Callable[[Array], Sequence[Grey]], reach: float
) -> SmallTiles | None:
    """Measure tiles of half the side, up to ``reach`` px; None where they would be too small."""
    tile = large.tile[0] // 2, large.tile[1] // 2
    if min(tile) < SMALLEST_SIDE:
        return None
    grid = 2 * large.grid[0], 2 * large.grid[1]
    # what is most alike with one more has a larger blur
    tried = np.array(FINE_DIAMETERS_PX[: FINE_DIAMETERS_PX.index(LARGEST_COC_PX) + 2])
    shifts = most_alike_shifts(tiled(first, tile, grid, large.band), blurred(tried), largest=reach)
    return SmallTiles(shifts, tried[shifts.chosen], tile)


def with_small_tiles(
    large: TileShifts, coc_px: Array, small: SmallTiles | None, corner: Array
) -> tuple[TileShifts, Array]:
    """Small tiles, from ``corner`` (x, y) on, where it is sharp, else large; and their blur."""
    if small is None:
        return large, coc_px
    shifts = replace(small.shifts, centres=small.shifts.centres + corner)
    alike = shifts.likeness >= LEAST_LIKENESS
    sharp = (small.coc_px <= LARGEST_COC_PX) & alike & shifts.textured
    apart = np.abs(shifts.centres[sharp][:, None] - large.centres)
    within = (apart <= np.array(small.tile[::-1]) / 2).all(axis=2)
    kept = np.asarray(~within.any(axis=0), np.bool_)
    return _joined(large, kept, shifts, sharp), np.concatenate([coc_px[kept], small.coc_px[sharp]])


def _joined(
    first: TileShifts, kept: NDArray[np.bool_], second: TileShifts, taken: NDArray[np.bool_]
) -> TileShifts:
    """Some tiles of the first and some of the second."""

    def both(one: NDArray[T], other: NDArray[T]) -> NDArray[T]:
        return np.concatenate([one[kept], other[taken]])

    return TileShifts(
        centres=both(first.centres, second.centres),
        shifts=both(first.shifts, second.shifts),
        peaks=both(first.peaks, second.peaks),
        noise_peak=both(first.noise_peak, second.noise_peak),
        errors_px=both(first.errors_px, second.errors_px),
        slopes=both(first.slopes, second.slopes),
        chosen=both(first.chosen, second.chosen),
        likeness=both(first.likeness, second.likeness),
        overlap=max(first.overlap, second.overlap),
    )
