"""Layer normalisation over the channels of each pixel, under both official names."""

import torch
from torch import nn

__all__ = ["EPSILON", "ChannelNorm", "FlatChannelNorm"]

EPSILON = 1e-5


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel (Restormer's ``WithBias``)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.LayerNorm(channels, eps=EPSILON)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        normed: torch.Tensor = self.body(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return normed


class FlatChannelNorm(nn.LayerNorm):
    """The same normalisation with state-dict entries without ``body``, as in NAFNet."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__(channels, eps=eps)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
