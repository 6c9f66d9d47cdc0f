"""Restore a picture in overlapping tiles, to bound memory.

Tiles begin at multiples of :data:`GRID`, so that networks which work at reduced sizes see every
pixel at the same position of their own grid. The remaining difference comes from information that
is farther away than the overlap.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

GRID = 64
SMALLEST_TILE_PX = 256
_WIDE_TILE_PX = 768

Restore = Callable[[torch.Tensor], torch.Tensor]
"""From blurry ``(1, C, h, w)`` to restored ``(1, 3, h, w)``, on the CPU both."""

Follow = Callable[[int, int], None]
"""Hears how many of how many tiles are done, from 0 on; what it raises ends the work."""


def unfollowed(done: int, tiles: int) -> None:
    """Nobody follows the tiles."""


@dataclass(frozen=True)
class TileArea:
    """A part of a picture: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    bottom: int
    left: int
    right: int


def largest_tile_px(bytes_per_pixel: float, budget_bytes: float) -> int:
    """Side of the largest square tile on the grid that fits a budget, at least the smallest."""
    side = math.isqrt(max(0, int(budget_bytes / max(bytes_per_pixel, 1.0))))
    return max(SMALLEST_TILE_PX, side // GRID * GRID)


def overlap_px(tile_px: int) -> int:
    """Minimum overlap for a tile size; large tiles can overlap more at little cost."""
    return 256 if tile_px >= _WIDE_TILE_PX else 128


def tiles_of(height: int, width: int, tile_px: int, overlap: int) -> list[TileArea]:
    """Evenly spaced tiles; a single tile if the picture is not larger."""
    # ``tile_px`` and ``overlap`` are multiples of :data:`GRID`: the largest side, and the least
    # overlap of neighbours. Tiles that cover the picture as well are smaller.
    rows, columns = _spans(height, tile_px, overlap), _spans(width, tile_px, overlap)
    return [TileArea(*row, *column) for row, column in itertools.product(rows, columns)]


def _spans(length: int, tile_px: int, overlap: int) -> list[tuple[int, int]]:
    """As many tiles as are needed, each no larger than that many need to be."""
    if length <= tile_px:
        return [(0, length)]
    count = 1 + math.ceil(math.ceil((length - tile_px) / GRID) / ((tile_px - overlap) // GRID))
    side = GRID * math.ceil((length + (count - 1) * overlap) / count / GRID)
    last = math.ceil((length - side) / GRID)  # in units of the grid, where the last one begins
    begins = [GRID * (index * last // (count - 1)) for index in range(count)]
    return [(begin, min(begin + side, length)) for begin in begins]


def restore_tiled(
    restore: Restore, blurry: torch.Tensor, tile_px: int, overlap: int, follow: Follow = unfollowed
) -> torch.Tensor:
    """Restore ``(1, C, H, W)`` tile by tile; where tiles overlap, one fades into the other."""
    # They fade in the middle eighth of the minimum overlap, because a tile lacks its surroundings
    # farther out.
    height, width = blurry.shape[-2:]
    tiles = tiles_of(height, width, tile_px, overlap)
    follow(0, len(tiles))
    if len(tiles) == 1:
        return restore(blurry)
    total = torch.zeros(1, height, width, 3).permute(0, 3, 1, 2)  # as pictures are in memory
    weights = torch.zeros(height, width)
    for number, tile in enumerate(tiles, start=1):
        rows, columns = slice(tile.top, tile.bottom), slice(tile.left, tile.right)
        restored = restore(blurry[..., rows, columns])
        weight = torch.outer(
            _fade(tile.top, tile.bottom, height, overlap),
            _fade(tile.left, tile.right, width, overlap),
        )
        total[..., rows, columns] += restored.mul_(weight)
        weights[rows, columns] += weight
        follow(number, len(tiles))
    return total.div_(weights)


def _fade(begin: int, end: int, length: int, overlap: int) -> torch.Tensor:
    """Weights along one axis: 1 inside and at the picture's border, falling at inner borders."""
    place = torch.arange(begin, end, dtype=torch.float32) + 0.5
    from_begin = place - begin if begin > 0 else torch.full_like(place, math.inf)
    from_end = end - place if end < length else torch.full_like(place, math.inf)
    distance = torch.minimum(from_begin, from_end)
    return ((distance - overlap * 7 / 16) / (overlap / 8)).clamp(0.0, 1.0)
