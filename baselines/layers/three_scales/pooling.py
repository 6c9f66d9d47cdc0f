"""Means of features: over the whole map, or over a window around each pixel."""

import torch
from torch import nn
from torch.nn import functional

__all__ = ["Pooling"]

TRAINING_PX = 256


class Pooling(nn.Module):
    """Means over the map, or over a window that is a fixed share of the map."""

    # ``window_px`` is the window's side in a map of 256 px; None for the whole map.

    def __init__(self, window_px: int | None = None, *, in_training: bool = False) -> None:
        super().__init__()
        self.window_px = window_px
        self.in_training = in_training

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to ``(N, C, 1, 1)``, or with a window to the same shape."""
        if self.window_px is None or (self.training and not self.in_training):
            return features.mean(dim=(2, 3), keepdim=True)
        height, width = (
            max(1, size * self.window_px // TRAINING_PX) for size in features.shape[2:]
        )
        means = _moving_mean(_moving_mean(features, height, 2), width, 3)
        top, left = (height - 1) // 2, (width - 1) // 2
        rest = (left, width - 1 - left, top, height - 1 - top)
        return functional.pad(means, rest, mode="replicate")


def _moving_mean(features: torch.Tensor, size: int, dim: int) -> torch.Tensor:
    """The mean of every ``size`` neighbours along an axis; that many less one are missing."""
    sums = features.cumsum(dim)
    count = features.shape[dim]
    first = sums.narrow(dim, size - 1, 1)
    later = sums.narrow(dim, size, count - size) - sums.narrow(dim, 0, count - size)
    return torch.cat([first, later], dim) / size
