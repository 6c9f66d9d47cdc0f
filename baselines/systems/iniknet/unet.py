"""INIKNet's features of one scale: a U whose convolutions reflect at the border."""

import torch
from torch import nn

from defocus.baselines.layers.three_scales.units import (
    BlockRow,
    Unit,
    doubling,
    reflecting,
    reflecting_residual,
)

__all__ = ["UNet"]

BLOCKS = 2


class UNet(nn.Module):
    """From a picture to features per pixel; skips are concatenated."""

    def __init__(self, width: int) -> None:
        super().__init__()
        finest, middle, coarsest = width, 2 * width, 4 * width
        self.Encoder = nn.ModuleList(map(_row, (finest, middle, coarsest)))
        self.Decoder = nn.ModuleList(map(_row, (middle, finest)))
        self.feat_extract = nn.ModuleList(
            [
                Unit(reflecting(3, finest), nn.ReLU()),
                Unit(reflecting(finest, middle, stride=2), nn.ReLU()),
                Unit(reflecting(middle, coarsest, stride=2), nn.ReLU()),
                Unit(reflecting(2 * middle, middle), nn.ReLU()),
                Unit(reflecting(2 * finest, finest), nn.ReLU()),
            ]
        )
        self.up1 = Unit(doubling(coarsest, middle), nn.ReLU())
        self.up2 = Unit(doubling(middle, finest), nn.ReLU())

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)`` to ``(N, width, H, W)``; H and W multiples of 4, at least 8."""
        picture = picture.contiguous(memory_format=torch.channels_last)
        first = self.Encoder[0](self.feat_extract[0](picture))
        second = self.Encoder[1](self.feat_extract[1](first))
        third = self.Encoder[2](self.feat_extract[2](second))
        joined = torch.cat([self.up1(third), second], dim=1)
        raised = self.Decoder[0](self.feat_extract[3](joined))
        joined = torch.cat([self.up2(raised), first], dim=1)
        features: torch.Tensor = self.Decoder[1](self.feat_extract[4](joined))
        return features


def _row(channels: int) -> BlockRow:
    return BlockRow(nn.Sequential(*(reflecting_residual(channels) for _ in range(BLOCKS))))
