"""PPTformer's two kinds of blocks, one inside the other, and the guide's features."""

from collections.abc import Iterable

import torch
from torch import nn

from defocus.baselines.layers.channel_norm import ChannelNorm
from defocus.baselines.layers.pointwise import Pointwise
from defocus.baselines.systems.pptformer.layers import (
    CrossAttention,
    GuidedAttention,
    GuidedFeedForward,
)

__all__ = ["GuideFeatures", "InterBlock"]

SLOPE = 0.2


class InterBlock(nn.Module):
    """Fuses features with the guide, then lets the fusion guide inner blocks."""

    # ``gamma`` is what the results of outer and inner blocks are multiplied by at first.

    def __init__(
        self,
        channels: int,
        heads: int,
        expansion: int,
        *,
        blocks: int,
        units: int,
        gamma: float,
    ) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((1, channels, 1, 1), gamma))
        self.Block = nn.ModuleList(
            _IntraBlock(channels, heads, expansion, units, gamma) for _ in range(blocks)
        )
        self.Cross_Attention = CrossAttention(channels, heads)
        self.Self_Attention = GuidedAttention(channels, heads, outer=True)
        self.Mask_Aware_FFN = GuidedFeedForward(channels, expansion)
        self.concat = Pointwise(2 * channels, channels)
        self.conv1 = _mergers(channels, blocks)
        self.norm_cross_attention = ChannelNorm(channels)
        # In the released state dict, but in no forward pass: both attentions use the one above.
        self.norm_self_attention = ChannelNorm(channels).requires_grad_(False)
        self.norm_ffn = ChannelNorm(channels)
        self.norm_mask = ChannelNorm(channels)

    def forward(self, features: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        guide = self.norm_mask(guide)
        normed = self.norm_cross_attention(features)
        attended = [self.Cross_Attention(normed, guide), self.Self_Attention(normed, guide)]
        fused = self.concat(torch.cat(attended, dim=1)) + features
        fused = fused + self.Mask_Aware_FFN(self.norm_ffn(fused), guide)
        restored = _densely(self.Block, self.conv1, features, fused)
        return self.gamma * restored + features


class _IntraBlock(nn.Module):
    """Transformer blocks with one guide."""

    def __init__(self, channels: int, heads: int, expansion: int, units: int, gamma: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((1, channels, 1, 1), gamma))
        self.unit1 = nn.ModuleList(
            _TransformerBlock(channels, heads, expansion) for _ in range(units)
        )
        self.conv1 = _mergers(channels, units)

    def forward(self, features: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        return self.gamma * _densely(self.unit1, self.conv1, features, guide) + features


class _TransformerBlock(nn.Module):
    def __init__(self, channels: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.attn = GuidedAttention(channels, heads, outer=False)
        self.norm2 = ChannelNorm(channels)
        self.ffn = GuidedFeedForward(channels, expansion)
        self.norm_feature = ChannelNorm(channels)

    def forward(self, features: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        guide = self.norm_feature(guide)
        features = features + self.attn(self.norm1(features), guide)
        changed: torch.Tensor = self.ffn(self.norm2(features), guide)
        return features + changed


class GuideFeatures(nn.Module):
    """Features of the parsed picture at full, half and quarter resolution, doubled each time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.in_conv = _stage(3, channels, stride=1)
        self.blocks = nn.ModuleList(
            _stage(channels * factor, 2 * channels * factor, stride=2) for factor in (1, 2)
        )

    def forward(self, parser: torch.Tensor) -> list[torch.Tensor]:
        """Finest first, from ``(N, 3, H, W)``."""
        levels = [self.in_conv(parser)]
        for block in self.blocks:
            levels.append(block(levels[-1]))
        return levels


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.res = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        residual: torch.Tensor = self.res(features)
        return features + residual


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
    return nn.Sequential(convolution, _Residual(outputs), _Residual(outputs))


def _mergers(channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(Pointwise((number + 2) * channels, channels) for number in range(count))


def _densely(
    units: Iterable[nn.Module],
    mergers: Iterable[nn.Module],
    features: torch.Tensor,
    guide: torch.Tensor,
) -> torch.Tensor:
    """Units in turn; after each, all units' results so far and the input become one again."""
    given = [features]
    for unit, merger in zip(units, mergers, strict=True):
        given.append(unit(features, guide))
        features = merger(torch.cat(given, dim=1))
    return features
