"""Small displacements between two pictures of one scene, by tile.

One step of Lucas and Kanade per tile: the displacement that best explains the difference of the
pictures by the slopes of the second one. Tiles overlap by half, and the displacement is
interpolated between their centres. Source: Lucas, Kanade, An Iterative Image Registration Technique
(IJCAI 1981), equation 9 in two dimensions.
"""

import torch
from torch.nn import functional

__all__ = ["LARGEST_PX", "moved_by", "remaining_displacement"]

LARGEST_PX = 1.0
"""A step is valid for displacements below the size of the details; larger ones are not believed."""
PRIOR = 2e-4
"""Squared slope, in the pictures' range per px, at which a tile is moved by half of what it shows:
flat tiles, which show only noise, stay where they are."""
WINDOW_PX = 3
"""Side of the mean that is taken twice before slopes are measured: noise has none then."""


@torch.no_grad()
def remaining_displacement(seen: torch.Tensor, target: torch.Tensor, tile_px: int) -> torch.Tensor:
    """Displacement d by which ``target(x + d)`` resembles ``seen(x)`` most, without gradient."""
    # ``(N, 2, H, W)`` px, x right and y down, at most ``LARGEST_PX`` in each direction;
    # ``tile_px`` is a multiple of 4.
    first, second = (_smoothed(one.mean(1, keepdim=True)) for one in (seen, target))
    across, down = _slopes(second)
    off = first - second
    products = [across * across, across * down, down * down, across * off, down * off]
    step = tile_px // 2
    sums = functional.avg_pool2d(
        torch.cat(products, 1), tile_px, step, padding=step // 2, count_include_pad=False
    )
    xx, xy, yy, x_off, y_off = torch.split(sums, 1, dim=1)
    xx, yy = xx + PRIOR, yy + PRIOR
    scale = xx * yy - xy * xy
    moved = torch.cat([(yy * x_off - xy * y_off) / scale, (xx * y_off - xy * x_off) / scale], 1)
    return functional.interpolate(
        moved.clamp(-LARGEST_PX, LARGEST_PX), seen.shape[-2:], mode="bilinear"
    )


def moved_by(picture: torch.Tensor, displacement: torch.Tensor) -> torch.Tensor:
    """``picture(x + displacement(x))``; bicubic, as a bilinear warp would soften the target."""
    # Displacement in px, x right and y down; border values are repeated outside the frame.
    height, width = picture.shape[-2:]
    x = torch.arange(width, device=picture.device) + displacement[:, 0]
    y = torch.arange(height, device=picture.device)[:, None] + displacement[:, 1]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    return functional.grid_sample(
        picture, grid, mode="bicubic", padding_mode="border", align_corners=True
    )


def _smoothed(grey: torch.Tensor) -> torch.Tensor:
    margin = WINDOW_PX - 1  # of both means together
    padded = functional.pad(grey, (margin,) * 4, mode="replicate")
    return functional.avg_pool2d(functional.avg_pool2d(padded, WINDOW_PX, 1), WINDOW_PX, 1)


def _slopes(grey: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Central differences to the right and down, range per px."""
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return across, down
