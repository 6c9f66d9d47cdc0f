"""Layers of PPTformer that fuse features of the picture and the parsed picture.

Source: the released ``basicsr/archs/femasr_arch.py``. "Guide" is what the paper calls mask.
"""

import torch
from torch import nn

from defocus.baselines.layers.pointwise import Pointwise
from defocus.baselines.layers.transformer import cosines, gated, row_norms

__all__ = [
    "CrossAttention",
    "DualDirectionFusion",
    "GuidedAttention",
    "GuidedFeedForward",
]


class DualDirectionFusion(nn.Module):
    """Features and guide change each other, then become one; no activation anywhere."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.concat = Pointwise(2 * channels, 2 * channels)
        self.fusion_two_branches = Pointwise(2 * channels, channels)
        self.mask_transfer1 = Pointwise(channels, channels)

    def forward(self, features: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        guide = self.mask_transfer1(guide)
        both = torch.cat([features, guide], dim=1)
        scaled = torch.addcmul(both, self.concat(both), both)
        fused: torch.Tensor = self.fusion_two_branches(scaled)
        return features + fused


class GuidedAttention(nn.Module):
    """Attention between channels, of the features fused with the guide."""

    # In the outer blocks values are normalised over pixels like queries and keys, and the fusion is
    # registered last; in the inner ones neither.

    def __init__(self, channels: int, heads: int, *, outer: bool) -> None:
        super().__init__()
        self.heads, self.outer = heads, outer
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        fusion = DualDirectionFusion(channels)
        if not outer:
            self.dual_direction_fusion = fusion
        self.qkv = Pointwise(channels, 3 * channels)
        self.qkv_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels)
        self.project_out = Pointwise(channels, channels)
        if outer:
            self.dual_direction_fusion = fusion

    def forward(self, features: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        fused = self.dual_direction_fusion(features, guide)
        query, key, value = self.qkv_dwconv(self.qkv(fused)).chunk(3, dim=1)
        mixed = _attention(
            query, key, value, self.temperature, self.heads, normalise_values=self.outer
        )
        attended: torch.Tensor = self.project_out(mixed)
        return attended


class CrossAttention(nn.Module):
    """Attention between channels; keys and values are mixed from features and guide."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.q = Pointwise(channels, 3 * channels)
        # One group per three channels, not depthwise.
        self.q_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=channels)
        self.project_out = Pointwise(channels, channels)
        self.kv = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.kv_dwconv = nn.Sequential(
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        )
        self.new_k = Pointwise(2 * channels, channels)
        self.new_v = Pointwise(2 * channels, channels)

    def forward(self, features: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        query, key, value = self.q_dwconv(self.q(features)).chunk(3, dim=1)
        guide_key, guide_value = self.kv_dwconv(self.kv(guide)).chunk(2, dim=1)
        key = self.new_k(torch.cat([key, guide_key], dim=1))
        value = self.new_v(torch.cat([value, guide_value], dim=1))
        mixed = _attention(query, key, value, self.temperature, self.heads, normalise_values=True)
        attended: torch.Tensor = self.project_out(mixed)
        return attended


class GuidedFeedForward(nn.Module):
    """A gated feed-forward network; the guide enters the half that is not gated."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * channels
        self.project_mask = Pointwise(channels, hidden)
        self.dual_direction_fusion = DualDirectionFusion(hidden)
        self.project_in = Pointwise(channels, 2 * hidden)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden)
        self.project_out = Pointwise(hidden, channels)

    def forward(self, features: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        """Both ``(N, C, H, W)``; so is the result."""
        gate, value = self.dwconv(self.project_in(features)).chunk(2, dim=1)
        value = self.dual_direction_fusion(value, self.project_mask(guide))
        given: torch.Tensor = self.project_out(gated(gate, value))
        return given


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    temperature: torch.Tensor,
    heads: int,
    *,
    normalise_values: bool,
) -> torch.Tensor:
    """Restormer's attention between the channels of one head, all ``(N, C, H, W)``."""
    height, width = query.shape[-2:]
    query, key, value = (
        torch.unflatten(part.flatten(2), 1, (heads, -1)) for part in (query, key, value)
    )
    scores = (cosines(query, key) * temperature).softmax(dim=-1)
    if normalise_values:  # the few scores are scaled in their place
        scores = scores / row_norms(value).mT
    return torch.unflatten((scores @ value).flatten(1, 2), 2, (height, width))
