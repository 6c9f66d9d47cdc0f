"""NRKNet's backbone: a plain residual U; its convolutions reflect at the border, without bias."""

import torch
from torch import nn

from defocus.baselines.layers.three_scales.units import (
    BlockRow,
    Unit,
    doubling,
    reflecting,
    reflecting_residual,
)

__all__ = ["WIDTH", "Backbone"]

WIDTH = 64
"""Features per pixel of the released network."""


class Backbone(nn.Module):
    """From a picture to features per pixel; additive skips."""

    def add_backbone(self, width: int) -> None:
        """Register the layers, in the official order, after what comes before them."""
        finest, middle, coarsest = widths = (width, 2 * width, 4 * width)
        self.Encoder = nn.ModuleList(map(_row, widths))
        self.Decoder = nn.ModuleList(map(_row, reversed(widths)))
        self.bottleneck = nn.Sequential(
            Unit(reflecting(coarsest, coarsest), nn.ReLU()), _row(coarsest)
        )
        self.feat_extract = nn.ModuleList(
            [
                Unit(reflecting(3, finest), nn.ReLU()),
                Unit(reflecting(finest, middle, stride=2), nn.ReLU()),
                Unit(reflecting(middle, coarsest, stride=2), nn.ReLU()),
                Unit(doubling(coarsest, middle), nn.ReLU()),
                Unit(doubling(middle, finest), nn.ReLU()),
            ]
        )

    def features(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)`` to ``(N, width, H, W)``; H and W multiples of 4, at least 8."""
        features = picture.contiguous(memory_format=torch.channels_last)
        skips = []
        for extract, encoder in zip(self.feat_extract[:3], self.Encoder, strict=True):
            features = encoder(extract(features))
            skips.append(features)
        features = self.Decoder[0](skips.pop() + self.bottleneck(features))
        for extract, decoder in zip(self.feat_extract[3:], self.Decoder[1:], strict=True):
            features = decoder(skips.pop() + extract(features))
        decoded: torch.Tensor = features
        return decoded


def _row(channels: int) -> BlockRow:
    return BlockRow(nn.Sequential(reflecting_residual(channels)))
