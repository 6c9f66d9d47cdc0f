"""Channel attention (squeeze and excitation): each channel gets a factor in (0, 1)."""

import torch
from torch import nn

__all__ = ["ChannelAttention", "LinearChannelAttention"]


class ChannelAttention(nn.Module):
    """Compute a factor per channel from the channel means."""

    # Source: RCAN (ECCV 2018), section 3.2.

    def __init__(self, channels: int, reduction: int, *, bias: bool = True) -> None:
        super().__init__()
        between = max(1, channels // reduction)
        self.conv_du = nn.Sequential(
            nn.Conv2d(channels, between, 1, bias=bias),
            nn.ReLU(),
            nn.Conv2d(between, channels, 1, bias=bias),
            nn.Sigmoid(),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        factors: torch.Tensor = self.conv_du(features.mean(dim=(2, 3), keepdim=True))
        return features * factors


class LinearChannelAttention(nn.Module):
    """Channel attention with linear layers without bias, named ``fc`` in the state dict."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        between = max(1, channels // reduction)
        self.fc = nn.Sequential(
            nn.Linear(channels, between, bias=False),
            nn.ReLU(),
            nn.Linear(between, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        factors: torch.Tensor = self.fc(features.mean(dim=(2, 3)))
        return features * factors[:, :, None, None]
