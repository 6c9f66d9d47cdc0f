"""Warp between dual-pixel views, used to learn IFAN's disparity."""

import torch
from torch.nn import functional

__all__ = ["shifted"]


def shifted(picture: torch.Tensor, disparity: torch.Tensor) -> torch.Tensor:
    """Move content along rows, bilinear, 0 outside: out(x) = picture(x + disparity), px."""
    # Source: IFAN (CVPR 2021), L_disp; the borders as its released code has them.
    _, _, height, width = picture.shape
    rows = torch.linspace(-1, 1, height, dtype=picture.dtype, device=picture.device)
    columns = torch.linspace(-1, 1, width, dtype=picture.dtype, device=picture.device)
    x = columns + disparity[:, 0] * (2 / (width - 1))
    y = rows[:, None].expand_as(x)
    return functional.grid_sample(
        picture, torch.stack([x, y], dim=-1), padding_mode="zeros", align_corners=True
    )
