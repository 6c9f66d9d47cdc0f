"""DAEformer, rebuilt from its abstract on Restormer's skeleton.

Source: He et al., DAEformer (ICIP 2024)."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.layers.pointwise import ChannelNorm, Pointwise
from defocus.baselines.layers.transformer import FourLevels, GatedFeedForward
from defocus.extras.reconstructions.baselines.daeformer.attention import (
    ChannelEnhanced,
    SpaceEnhanced,
)

MULTIPLE = 8  # three halvings
EXPANSION = 2.66
SPACE_LEVELS = 2
"""Number of the finest levels that attend over space; coarser levels attend over channels."""


class _Block(nn.Module):
    def __init__(self, channels: int, attention: nn.Module) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.attention = attention
        self.norm2 = ChannelNorm(channels)
        self.feed_forward = GatedFeedForward(channels, EXPANSION)

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.attention(self.norm1(features))
        fed: Tensor = features + self.feed_forward(self.norm2(features))
        return fed


class DAEformer(FourLevels):
    """From the two views of a dual-pixel sensor to the restored picture."""

    # ``dim``: channels of the finest level. ``blocks``: blocks per level, finest first; the
    # decoder's levels have as many as the encoder's. ``adds_input``: whether the network gives the
    # change to the mean of the views, as narrow copies do; not in the paper.

    def __init__(
        self,
        *,
        dim: int = 48,
        blocks: Sequence[int] = (4, 6, 6, 8),
        refinement: int = 4,
        heads: Sequence[int] = (1, 2, 4, 8),
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        shifts = itertools.cycle([False, True])

        def block(channels: int, level: int) -> _Block:
            if level >= SPACE_LEVELS:
                return _Block(channels, ChannelEnhanced(channels, heads[level]))
            attention = SpaceEnhanced(channels, heads[level], shifted=next(shifts))
            return _Block(channels, attention)

        self.embed = nn.Conv2d(6, dim, 3, padding=1, bias=False)
        self.add_levels(dim, blocks, block)
        self.refinement = nn.Sequential(*(block(2 * dim, 0) for _ in range(refinement)))
        self.skip = Pointwise(dim, 2 * dim, bias=False)
        self.output = nn.Conv2d(2 * dim, 3, 3, padding=1, bias=False)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore from left, right view ``(N, 6, H, W)`` RGB in [0, 1], not clamped."""
        height, width = blurry.shape[-2:]
        padded = pad_to_multiple(blurry, MULTIPLE)
        embedded = self.embed(padded.contiguous(memory_format=torch.channels_last))
        features = self.refinement(self.decoded(embedded)) + self.skip(embedded)
        restored: Tensor = self.output(features)[..., :height, :width]
        return (
            (blurry[:, :3] + blurry[:, 3:]) / 2 + restored
            if self.adds_input
            else restored
        )
