"""Spatial attention with a channel gate, and channel attention with a spatial gate.

Source: He et al., DAEformer (ICIP 2024), the abstract; how the gates look is chosen."""

import torch
from torch import Tensor, nn

from defocus.baselines.layers.padding import pad
from defocus.baselines.layers.pointwise import Pointwise
from defocus.baselines.layers.transformer import TransposedAttention
from defocus.extras.reconstructions.windowed_attention import WindowedAttention

REDUCTION = 8
GATE_KERNEL = 7


class SpaceEnhanced(nn.Module):
    """Attention within windows, times a gate per channel (SAEB)."""

    # ``shifted``: whether windows begin at 4 px.

    def __init__(self, channels: int, heads: int, *, shifted: bool) -> None:
        super().__init__()
        self.attention = WindowedAttention(channels, heads, shifted=shifted)
        self.local = nn.Conv2d(
            channels,
            channels,
            3,
            padding=1,
            groups=channels,
            bias=False,
        )
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels // REDUCTION, 1),
            nn.ReLU(),
            nn.Conv2d(channels // REDUCTION, channels, 1),
            nn.Sigmoid(),
        )
        self.project = Pointwise(channels, channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        gate = self.gate(self.local(features).mean((2, 3), keepdim=True))
        given: Tensor = self.project(self.attention(features) * gate)
        return given


class ChannelEnhanced(nn.Module):
    """Attention between channels, times a gate per pixel (CAEB)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = TransposedAttention(channels, heads)
        self.gate = nn.Conv2d(2, 1, GATE_KERNEL)
        self.project = Pointwise(channels, channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        seen = torch.cat(
            [features.mean(1, keepdim=True), features.amax(1, keepdim=True)],
            dim=1,
        )
        radius = GATE_KERNEL // 2
        gate = self.gate(pad(seen, (radius, radius, radius, radius))).sigmoid()
        given: Tensor = self.project(self.attention(features) * gate)
        return given
