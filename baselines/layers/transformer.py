"""Layers of Restormer, shared by other image transformers.

Features are kept in ``channels_last`` order: the normalisation over channels then reads memory in
order, and the depth-wise convolutions take their fast path on the CPU.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.pointwise import Pointwise

__all__ = [
    "Downsample",
    "GatedFeedForward",
    "TransposedAttention",
    "Upsample",
    "cosines",
    "gated",
    "row_norms",
]

SMALLEST_NORM = 1e-12


class TransposedAttention(nn.Module):
    """Attention between channels: scores are cosines of channel maps, C × C and not HW × HW."""

    # Source: Restormer (CVPR 2022), eq. 1 (MDTA).

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = Pointwise(channels, 3 * channels, bias=False)
        self.qkv_dwconv = nn.Conv2d(
            3 * channels, 3 * channels, 3, padding=1, groups=3 * channels, bias=False
        )
        self.project_out = Pointwise(channels, channels, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        count, channels, height, width = features.shape
        mixed = self.qkv_dwconv(self.qkv(features))
        query, key, value = mixed.reshape(
            count, 3, self.heads, channels // self.heads, height * width
        ).unbind(1)
        scores = cosines(query, key) * self.temperature
        attended = scores.softmax(dim=-1) @ value
        restored: torch.Tensor = self.project_out(attended.reshape(count, channels, height, width))
        return restored


def cosines(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Cosines ``(..., C, C')`` of all rows; the product is scaled instead of the long rows."""
    return (query @ key.transpose(-2, -1)) / (row_norms(query) * row_norms(key).transpose(-2, -1))


def row_norms(rows: torch.Tensor) -> torch.Tensor:
    """Lengths of ``(..., C, L)``, never 0; ``vector_norm`` is slow in ``channels_last`` order."""
    wide = torch.promote_types(rows.dtype, torch.float32)
    squares = rows.square().sum(dim=-1, keepdim=True, dtype=wide)
    return squares.clamp_min(SMALLEST_NORM**2).sqrt()


def gated(gate: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
    """GELU(gate) · content, each ``(N, C, H, W)``, parts of a tensor's channels."""
    # The gate is made contiguous first, because GELU is slow on few channels per pixel.
    return functional.gelu(gate.contiguous(memory_format=torch.channels_last)) * content


class GatedFeedForward(nn.Module):
    """Feed-forward layer of two depth-wise filtered halves, one of which gates the other."""

    # Source: Restormer (CVPR 2022), eq. 2 (GDFN).

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.project_in = Pointwise(channels, 2 * hidden, bias=False)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False)
        self.project_out = Pointwise(hidden, channels, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        gate, content = self.dwconv(self.project_in(features)).chunk(2, dim=1)
        fed: torch.Tensor = self.project_out(gated(gate, content))
        return fed


class Downsample(nn.Module):
    """Half the size, twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False), nn.PixelUnshuffle(2)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to ``(N, 2C, H/2, W/2)``."""
        halved: torch.Tensor = self.body(features)
        return halved


class Upsample(nn.Module):
    """Twice the size, half the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False), nn.PixelShuffle(2)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to ``(N, C/2, 2H, 2W)``."""
        doubled: torch.Tensor = self.body(features)
        return doubled
