"""Restormer for defocus, single picture and dual pixel, with the official state-dict names.

Source: Zamir et al., Restormer (CVPR 2022); swz30/Restormer at df766d5, Defocus_Deblurring."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from defocus.baselines.layers.named import named
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import ChannelNorm, Pointwise
from defocus.baselines.layers.transformer import (
    FourLevels,
    GatedFeedForward,
    TransposedAttention,
)

MULTIPLE = 8  # three halvings
EXPANSION = 2.66


class _Block(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.attn = TransposedAttention(channels, heads)
        self.norm2 = ChannelNorm(channels)
        self.ffn = GatedFeedForward(channels, EXPANSION)

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.attn(self.norm1(features))
        fed: Tensor = features + self.ffn(self.norm2(features))
        return fed


class Restormer(FourLevels):
    """From a blurry picture, or two dual-pixel views, to the restored picture."""

    # ``dual``: the embedded views take the place of the picture's residual. Blocks are counted
    # finest first; the decoder's levels have as many as the encoder's, and ``refinement`` follows.

    def __init__(
        self,
        *,
        dual: bool = False,
        dim: int = 48,
        blocks: Sequence[int] = (4, 6, 6, 8),
        refinement: int = 4,
        heads: Sequence[int] = (1, 2, 4, 8),
    ) -> None:
        super().__init__()

        def block(channels: int, level: int) -> _Block:
            return _Block(channels, heads[level])

        self.patch_embed = named(
            proj=nn.Conv2d(6 if dual else 3, dim, 3, padding=1, bias=False)
        )
        self.add_levels(dim, blocks, block)
        self.refinement = nn.Sequential(*(block(2 * dim, 0) for _ in range(refinement)))
        self.skip_conv = Pointwise(dim, 2 * dim, bias=False) if dual else None
        self.output = nn.Conv2d(2 * dim, 3, 3, padding=1, bias=False)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)``, or left and right view, RGB in [0, 1]; not clamped."""
        padded = pad_to_multiple(blurry, MULTIPLE)
        restored = self.change(padded)
        if self.skip_conv is None:
            restored = restored + padded
        return cropped(restored, blurry)

    def change(self, padded: Tensor) -> Tensor:
        """The change of a picture with sides of multiples of 8, or two views restored to one."""
        embedded = self.patch_embed(
            padded.contiguous(memory_format=torch.channels_last)
        )
        features = self.refinement(self.decoded(embedded))
        if self.skip_conv is not None:
            features = features + self.skip_conv(embedded)
        given: Tensor = self.output(features)
        return given
