"""Recurrent passes over features of several scales: from fine to coarse, then back."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.channel_norm import EPSILON, FlatChannelNorm
from defocus.baselines.layers.recurrent import Memory, next_memory
from defocus.baselines.layers.three_scales.units import BlockRow, reflecting_residual

__all__ = ["AcrossScales"]

BLOCKS = 2


class _Cell(nn.Module):
    """An LSTM cell whose gates come from residual blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        both = 2 * channels
        self.layers = BlockRow(nn.Sequential(*(reflecting_residual(both) for _ in range(BLOCKS))))
        self.conv = nn.Conv2d(both, 4 * channels, 1)

    def forward(self, features: torch.Tensor, memory: Memory) -> Memory:
        state, cell = memory
        return next_memory(self.conv(self.layers(torch.cat([features, state], dim=1))), cell)


class _Pass(nn.Module):
    """One cell over all scales; between them its memory is resized."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cell = _Cell(channels)

    def forward(self, scales: Iterable[torch.Tensor]) -> list[torch.Tensor]:
        memory: Memory | None = None
        states = []
        for features in scales:
            if memory is None:
                nothing = torch.zeros_like(features)
                memory = (nothing, nothing)
            size = (features.shape[-2], features.shape[-1])
            memory = self.cell(features, (_resized(memory[0], size), _resized(memory[1], size)))
            states.append(memory[0])
        return states


class AcrossScales(nn.Module):
    """Adds to the features of each scale what the other scales say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.left2right = _Pass(channels)  # left is coarse; the official order, not that of use
        self.right2left = _Pass(channels)
        self.norm = nn.ModuleDict({"norm": FlatChannelNorm(channels, EPSILON)})

    def forward(self, scales: list[torch.Tensor]) -> list[torch.Tensor]:
        """From ``(N, C, H, W)`` per scale, coarsest first, each twice the last one, to the same."""
        # The normalised features only feed the passes; the sum is with the features as they came.
        normed = [self.norm["norm"](features) for features in scales]
        to_coarse = self.right2left(reversed(normed))
        to_fine = self.left2right(reversed(to_coarse))
        return [features + state for features, state in zip(scales, to_fine, strict=True)]


def _resized(memory: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if tuple(memory.shape[-2:]) == size:
        return memory
    return functional.interpolate(memory, size, mode="bilinear", align_corners=False)
