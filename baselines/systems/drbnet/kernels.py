"""One kernel per pixel, applied to a picture."""

import torch
from torch.nn import functional

__all__ = ["SIDE", "filtered"]

SIDE = 7


def filtered(picture: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Apply each pixel's own 7 × 7 kernel to all colours; border values are repeated."""
    # ``(N, 49, h, w)`` row by row: tap ``7 ky + kx`` weighs the pixel ``ky - 3`` rows below and
    # ``kx - 3`` columns to the right; they need not sum to 1 (DRBNet, filter adaptive convolution).
    # Tap by tap, so that memory holds one shifted picture and not 49.
    height, width = picture.shape[-2:]
    radius = SIDE // 2
    padded = functional.pad(picture, (radius,) * 4, mode="replicate")
    result = torch.zeros_like(picture)
    for tap in range(SIDE * SIDE):
        top, left = divmod(tap, SIDE)
        window = padded[..., top : top + height, left : left + width]
        result = torch.addcmul(result, window, kernels[:, tap : tap + 1])
    return result
