"""CMDDNet, rebuilt from its abstract: two branches run in parallel, all else is chosen.

Source: Dual-Branch CNN-Mamba Method for Image Defocus Deblurring, Applied Sciences 15 (2025)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.pointwise import ChannelNorm, Pointwise
from defocus.extras.reconstructions.selective_scan.ss2d import SS2D
from defocus.extras.reconstructions.u_shape import UShape

COARSER = 4
"""Factor by which the features that are scanned are coarser than the picture."""


class _Detail(nn.Module):
    """The branch of convolutions: a gate between two halves, then one per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.widen = Pointwise(channels, 2 * channels)
        self.depthwise = nn.Conv2d(
            2 * channels,
            2 * channels,
            3,
            padding=1,
            groups=2 * channels,
        )
        self.attention = nn.Conv2d(channels, channels, 1)
        self.mix = Pointwise(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        first, second = self.depthwise(self.widen(features)).chunk(2, dim=1)
        gated = first * second
        given: Tensor = self.mix(
            gated * self.attention(gated.mean((2, 3), keepdim=True))
        )
        return given


class _FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.widen = Pointwise(channels, 2 * channels)
        self.mix = Pointwise(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        first, second = self.widen(features).chunk(2, dim=1)
        given: Tensor = self.mix(first * second)
        return given


class _Distant(nn.Module):
    """The branch of scans, at a quarter of the size: detail is the other branch's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scan = SS2D(channels)

    def forward(self, features: Tensor) -> Tensor:
        coarse = functional.avg_pool2d(features, COARSER, ceil_mode=True)
        size = features.shape[-2:]
        return functional.interpolate(self.scan(coarse), size, mode="bilinear")


class _Block(nn.Module):
    """Both branches read the same features; at the start the block changes nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.detail = _Detail(channels)
        self.distant = _Distant(channels)
        self.join = Pointwise(2 * channels, channels)
        self.norm2 = ChannelNorm(channels)
        self.feed_forward = _FeedForward(channels)
        self.branch_scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.feed_scale = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        normed = self.norm1(features)
        branches = self.join(
            torch.cat([self.detail(normed), self.distant(normed)], dim=1)
        )
        features = features + self.branch_scale * branches
        fed: Tensor = features + self.feed_scale * self.feed_forward(
            self.norm2(features)
        )
        return fed


class CMDDNet(UShape):
    """From a blurry to the restored picture; arguments as those of :class:`UShape`."""

    def __init__(
        self,
        *,
        width: int = 32,
        encoder: Sequence[int] = (2, 4, 6),
        middle: int = 4,
    ) -> None:
        super().__init__(width, encoder, middle, block=_Block, down=_down)


def _down(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, 2 * channels, 2, stride=2)
