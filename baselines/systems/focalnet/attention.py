"""FocalNet's attention: where the picture is degraded, then which deviations matter."""

import torch
from torch import nn

__all__ = ["DualAttention"]


class DualAttention(nn.Module):
    """Weighs features by a map of places and by their own deviations; at first the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = _scale(channels, 0.0), _scale(channels, 1.0)
        self.spatial_gate = _Places(channels)
        self.local_attention = nn.ModuleList([_Deviations(channels)])

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        attended = self.local_attention[0](self.spatial_gate(features))
        weighed: torch.Tensor = self.a * attended + self.b * features
        return weighed


class _Named(nn.Module):
    """A convolution under its official name."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.conv = convolution

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        given: torch.Tensor = self.conv(features)
        return given


class _Places(nn.Module):
    """Features of a wide surrounding, weighed by a map, and features of a narrow one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = _Named(nn.Conv2d(2, 1, 3, padding=1))
        self.dw1 = nn.Sequential(
            _depthwise(channels, 5, dilation=2), _depthwise(channels, 7, dilation=3)
        )
        self.dw2 = _depthwise(channels, 3, dilation=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        largest = features.amax(dim=1, keepdim=True)
        mean = features.mean(dim=1, keepdim=True)
        places = self.spatial(torch.cat([largest, mean], dim=1))
        gated: torch.Tensor = self.dw1(features) * places + self.dw2(features)
        return gated


class _Deviations(nn.Module):
    """Features times their deviation from their mean, beside themselves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = _scale(channels, 0.0), _scale(channels, 1.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        deviation = features - features.mean(dim=(2, 3), keepdim=True)
        weighed: torch.Tensor = self.a * deviation * features + self.b * features
        return weighed


def _depthwise(channels: int, size: int, *, dilation: int) -> _Named:
    margin = dilation * (size // 2)
    return _Named(
        nn.Conv2d(channels, channels, size, padding=margin, dilation=dilation, groups=channels)
    )


def _scale(channels: int, start: float) -> nn.Parameter:
    return nn.Parameter(torch.full((channels, 1, 1), start))
