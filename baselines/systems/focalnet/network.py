"""FocalNet with the official state-dict names.

Source: Cui et al., Focal Network for Image Restoration (ICCV 2023); c-yn/FocalNet at b0460a87.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.three_scales.frame import ThreeScales
from defocus.baselines.layers.three_scales.units import (
    BlockRow,
    zero_padded,
    zero_padded_residual,
)
from defocus.baselines.systems.focalnet.attention import DualAttention

__all__ = ["FocalNet"]


class _Pair(nn.Module):
    """A residual block for each of the two paths."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = _block(channels)
        self.main1 = _block(channels)

    def forward(
        self, full: torch.Tensor, halved: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return full + self.main(full), halved + self.main1(halved)


class _Paths(nn.Module):
    """Half of the channels at the picture's size, half of them at half of it; nothing between."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        own = channels // 2
        self.layers = nn.ModuleList(_Pair(own) for _ in range(blocks))
        self.down = nn.Conv2d(own, own, 2, stride=2, groups=own)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        full, halved = features.chunk(2, dim=1)
        size = (full.shape[-2], full.shape[-1])
        halved = self.down(halved)
        for pair in self.layers:
            full, halved = pair(full, halved)
        raised = functional.interpolate(halved, size, mode="bilinear", align_corners=False)
        return torch.cat([full, raised], dim=1)


class FocalNet(ThreeScales):
    """From a blurry to the restored picture; ``width`` at full size is a multiple of 4."""

    multiple = 4
    smallest_px = 8

    def __init__(self, *, width: int = 32, blocks: int = 16) -> None:
        def stage(channels: int, full_size: bool) -> BlockRow:
            if full_size:
                return BlockRow(_Paths(channels, blocks))
            return BlockRow(nn.Sequential(*(zero_padded_residual(channels) for _ in range(blocks))))

        super().__init__(width, stage)
        self.pyramid_attentions = nn.ModuleList([DualAttention(4 * width)])

    def bottleneck(self, features: torch.Tensor) -> torch.Tensor:
        """The attention; at first it changes nothing."""
        attended: torch.Tensor = self.pyramid_attentions[0](features)
        return attended


def _block(channels: int) -> nn.Sequential:
    return nn.Sequential(
        zero_padded(channels, channels), zero_padded(channels, channels, activated=False)
    )
