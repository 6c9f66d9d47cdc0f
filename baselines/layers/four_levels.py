"""The U-shaped network of four levels that Restormer and LaKDNet share."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from defocus.baselines.layers.pointwise import Pointwise
from defocus.baselines.layers.transformer import Downsample, Upsample

__all__ = ["FourLevels"]


class FourLevels(nn.Module):
    """Encoder, latent blocks, decoder; skips are concatenated."""

    # A network calls ``add_levels`` between its other layers, because the order of registration
    # must be that of the official state dict.

    def add_levels(
        self, dim: int, blocks: Sequence[int], block: Callable[[int, int], nn.Module]
    ) -> None:
        """Register the levels, finest (0) first; ``block`` is of channels and level."""

        def level(number: int, width: int) -> nn.Sequential:
            return nn.Sequential(*(block(width * dim, number) for _ in range(blocks[number])))

        self.encoder_level1 = level(0, 1)
        self.down1_2 = Downsample(dim)
        self.encoder_level2 = level(1, 2)
        self.down2_3 = Downsample(2 * dim)
        self.encoder_level3 = level(2, 4)
        self.down3_4 = Downsample(4 * dim)
        self.latent = level(3, 8)
        self.up4_3 = Upsample(8 * dim)
        self.reduce_chan_level3 = Pointwise(8 * dim, 4 * dim, bias=False)
        self.decoder_level3 = level(2, 4)
        self.up3_2 = Upsample(4 * dim)
        self.reduce_chan_level2 = Pointwise(4 * dim, 2 * dim, bias=False)
        self.decoder_level2 = level(1, 2)
        self.up2_1 = Upsample(2 * dim)
        self.decoder_level1 = level(0, 2)  # no reduction after the last concatenation

    def decoded(self, embedded: torch.Tensor) -> torch.Tensor:
        """From ``(N, dim, H, W)`` to ``(N, 2 dim, H, W)``; H and W multiples of 8."""
        first = self.encoder_level1(embedded)
        second = self.encoder_level2(self.down1_2(first))
        third = self.encoder_level3(self.down2_3(second))
        features = self.up4_3(self.latent(self.down3_4(third)))
        features = self.reduce_chan_level3(torch.cat([features, third], dim=1))
        features = self.up3_2(self.decoder_level3(features))
        features = self.reduce_chan_level2(torch.cat([features, second], dim=1))
        features = self.up2_1(self.decoder_level2(features))
        decoded: torch.Tensor = self.decoder_level1(torch.cat([features, first], dim=1))
        return decoded
