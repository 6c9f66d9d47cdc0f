"""Tiling of a picture, and blending of the tiles' outputs."""

from collections.abc import Callable, Sequence

import torch

__all__ = ["STEP", "TILE", "cut", "places", "stitch"]

TILE = 320
"""Side of a tile, px; a smaller picture is one tile along that axis."""
STEP = 94
"""From one tile to the next, px; the code computes another one and overwrites it."""
BATCH = 16

Place = tuple[int, int]


def places(height: int, width: int, tile: int = TILE, step: int = STEP) -> list[Place]:
    """Top and left of every tile of a picture; the last ones end at its border."""
    tops, lefts = (_starts(side, tile, step) for side in (height, width))
    return [(top, left) for top in tops for left in lefts]


def cut(picture: torch.Tensor, at: Sequence[Place], tile: int = TILE) -> torch.Tensor:
    """The tiles at some places, ``(places * N, C, h, w)``, place by place."""
    tall, wide = (min(tile, side) for side in picture.shape[-2:])
    return torch.cat([picture[..., top : top + tall, left : left + wide] for top, left in at])


def stitch(
    picture: torch.Tensor,
    of_tiles: Callable[[torch.Tensor], torch.Tensor],
    margin: int,
    tile: int = TILE,
    step: int = STEP,
) -> torch.Tensor:
    """What a function gives for tiles, averaged where they overlap; 16 tiles at a time."""
    # ``of_tiles`` maps ``(M, C, h, w)`` to ``(M, F, h - margin, w - margin)``; the result is
    # smaller by the same margin.
    at = places(picture.shape[-2], picture.shape[-1], tile, step)
    height, width = picture.shape[-2] - margin, picture.shape[-1] - margin
    together = max(1, BATCH // picture.shape[0])
    total: torch.Tensor | None = None
    count = picture.new_zeros(height, width)
    for first in range(0, len(at), together):
        chunk = at[first : first + together]
        given = torch.unflatten(of_tiles(cut(picture, chunk, tile)), 0, (len(chunk), -1))
        if total is None:
            total = given.new_zeros(*given.shape[1:3], height, width)
        for (top, left), features in zip(chunk, given, strict=True):
            rows = slice(top, top + features.shape[-2])
            columns = slice(left, left + features.shape[-1])
            total[..., rows, columns] += features
            count[rows, columns] += 1
    if total is None:
        raise ValueError(f"a picture of {tuple(picture.shape)} has no tile")
    return total / count


def _starts(length: int, tile: int, step: int) -> list[int]:
    last = max(0, length - tile)
    return [*range(0, last, step), last]
