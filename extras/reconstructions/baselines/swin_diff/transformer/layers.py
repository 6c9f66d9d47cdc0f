"""Restormer's layers conditioned on a prior, with the names of zhengchen1999/HI-Diff at b3bfd16.

Source: Chen et al., HI-Diff (NeurIPS 2023), figure 3."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.pointwise import ChannelNorm, PointwiseLinear
from defocus.baselines.layers.transformer import GatedFeedForward, TransposedAttention
from defocus.extras.reconstructions.windowed_attention import WindowedAttention

EXPANSION = 2.66

Window: TypeAlias = Literal["plain", "shifted"]


class PriorAttention(nn.Module):
    """Pixels query the tokens of the prior; the result is added to the pixels."""

    # ``heads``: into which the channels are split. ``prior``: channels of a prior's token.

    def __init__(self, channels: int, heads: int, prior: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = ChannelNorm(channels)
        self.norm2 = _TokenNorm(prior)
        self.q = PointwiseLinear(channels, channels, bias=False)
        self.kv = nn.Linear(prior, 2 * channels, bias=False)
        self.proj = PointwiseLinear(channels, channels)

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` and ``(N, tokens, prior)`` to the shape of the features."""
        pixels = self.norm1(features).flatten(2).transpose(1, 2)
        query = self._split(self.q(pixels))
        key, value = map(self._split, self.kv(self.norm2(prior)).chunk(2, dim=-1))
        attended = functional.scaled_dot_product_attention(query, key, value)
        change = self.proj(attended.transpose(1, 2).flatten(2))
        attended_to: Tensor = features + change.transpose(1, 2).reshape(features.shape)
        return attended_to

    def _split(self, tokens: Tensor) -> Tensor:
        """From ``(N, L, C)`` to ``(N, heads, L, C / heads)``."""
        return torch.unflatten(tokens, -1, (self.heads, -1)).transpose(1, 2)


class _TokenNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        normed: Tensor = self.body(tokens)
        return normed


class Scaled(nn.Module):
    """Channels are scaled and shifted as the coarsest prior says, before a layer sees them."""

    def add_scaling(self, channels: int, prior: int) -> None:
        """Register the two linear layers: after those of the layer itself, as officially."""
        self.ln1 = nn.Linear(prior, channels)
        self.ln2 = nn.Linear(prior, channels)

    def with_prior(self, features: Tensor, prior: Tensor) -> Tensor:
        """The layer's result for the scaled features ``(N, C, H, W)``; prior ``(N, 1, P)``."""
        scale = self.ln1(prior).transpose(1, 2)[..., None]
        shift = self.ln2(prior).transpose(1, 2)[..., None]
        given: Tensor = self(torch.addcmul(shift, features, scale))
        return given


class _ToldTransposed(TransposedAttention, Scaled):
    def __init__(self, channels: int, heads: int, prior: int) -> None:
        super().__init__(channels, heads)
        self.add_scaling(channels, prior)


class _ToldWindowed(WindowedAttention, Scaled):
    def __init__(
        self,
        channels: int,
        heads: int,
        prior: int,
        *,
        shifted: bool,
    ) -> None:
        super().__init__(channels, heads, shifted=shifted)
        self.add_scaling(channels, prior)


class _ToldFeedForward(GatedFeedForward, Scaled):
    def __init__(self, channels: int, prior: int) -> None:
        super().__init__(channels, EXPANSION)
        self.add_scaling(channels, prior)


class Block(nn.Module):
    """Attention between channels or within windows, then a gated feed-forward layer."""

    # ``window``: whether it is within windows: ``plain`` or ``shifted``; None for between channels.

    def __init__(self, channels: int, heads: int, window: Window | None) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.attn: nn.Module = (
            TransposedAttention(channels, heads)
            if window is None
            else WindowedAttention(channels, heads, shifted=window == "shifted")
        )
        self.norm2 = ChannelNorm(channels)
        self.ffn = GatedFeedForward(channels, EXPANSION)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        features = features + self.attn(self.norm1(features))
        fed: Tensor = features + self.ffn(self.norm2(features))
        return fed


class ToldBlock(nn.Module):
    """A block whose layers are conditioned on the prior."""

    # ``channels, heads, window``: as of :class:`Block`. ``prior``: channels of a prior's token.

    def __init__(
        self,
        channels: int,
        heads: int,
        window: Window | None,
        prior: int,
    ) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.attn: Scaled = (
            _ToldTransposed(channels, heads, prior)
            if window is None
            else _ToldWindowed(channels, heads, prior, shifted=window == "shifted")
        )
        self.norm2 = ChannelNorm(channels)
        self.ffn = _ToldFeedForward(channels, prior)

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` and ``(N, 1, prior)`` to the shape of the features."""
        features = features + self.attn.with_prior(self.norm1(features), prior)
        return features + self.ffn.with_prior(self.norm2(features), prior)


class GuidedLevel(nn.Module):
    """Blocks after an attention to the prior."""

    def __init__(
        self,
        channels: int,
        heads: int,
        blocks: Sequence[nn.Module],
        prior: int,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.him = PriorAttention(channels, heads, prior)

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` and ``(N, tokens, prior)`` to the shape of the features."""
        features = self.him(features, prior)
        for block in self.blocks:
            features = block(features)
        return features


class Pyramid(nn.Sequential):
    """Fewer tokens: a linear layer over them, then one over channels."""

    def __init__(self, tokens: int, fewer: int, prior: int) -> None:
        super().__init__(
            _Transpose(),
            nn.Linear(tokens, fewer),
            _Transpose(),
            nn.Linear(prior, prior),
        )


class _Transpose(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.transpose(1, 2)
