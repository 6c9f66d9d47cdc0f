"""FocalNet with the official state-dict names.

Source: Cui et al., Focal Network for Image Restoration (ICCV 2023); c-yn/FocalNet at b0460a87."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import Residual, named
from defocus.baselines.layers.three_scales import (
    ThreeScales,
    block_row,
    zero_padded,
    zero_padded_residual,
)


class DualAttention(nn.Module):
    """Weighs features by a map of places and by their own deviations; at first the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = _scale(channels, 0.0)
        self.b = _scale(channels, 1.0)
        self.spatial_gate = _Places(channels)
        self.local_attention = nn.ModuleList([_Deviations(channels)])

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        attended = self.local_attention[0](self.spatial_gate(features))
        weighed: Tensor = self.a * attended + self.b * features
        return weighed


class _Places(nn.Module):
    """Features of a wide surrounding, weighed by a map, and features of a narrow one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = named(conv=nn.Conv2d(2, 1, 3, padding=1))
        self.dw1 = nn.Sequential(
            _depthwise(channels, 5, dilation=2),
            _depthwise(channels, 7, dilation=3),
        )
        self.dw2 = _depthwise(channels, 3, dilation=1)

    def forward(self, features: Tensor) -> Tensor:
        largest = features.amax(dim=1, keepdim=True)
        mean = features.mean(dim=1, keepdim=True)
        places = self.spatial(torch.cat([largest, mean], dim=1))
        gated: Tensor = self.dw1(features) * places + self.dw2(features)
        return gated


class _Deviations(nn.Module):
    """Features times their deviation from their mean, beside themselves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = _scale(channels, 0.0)
        self.b = _scale(channels, 1.0)

    def forward(self, features: Tensor) -> Tensor:
        deviation = features - features.mean(dim=(2, 3), keepdim=True)
        weighed: Tensor = self.a * deviation * features + self.b * features
        return weighed


def _depthwise(channels: int, size: int, *, dilation: int) -> nn.Sequential:
    margin = dilation * (size // 2)
    return named(
        conv=nn.Conv2d(
            channels,
            channels,
            size,
            padding=margin,
            dilation=dilation,
            groups=channels,
        )
    )


def _scale(channels: int, start: float) -> nn.Parameter:
    return nn.Parameter(torch.full((channels, 1, 1), start))


class _Pair(nn.Module):
    """A residual block for each of the two paths."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = _block(channels)
        self.main1 = _block(channels)

    def forward(
        self,
        full: Tensor,
        halved: Tensor,
    ) -> tuple[Tensor, Tensor]:
        return self.main(full), self.main1(halved)


class _Paths(nn.Module):
    """Half of the channels at the picture's size, half at half of it, without exchange."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        own = channels // 2
        self.layers = nn.ModuleList(_Pair(own) for _ in range(blocks))
        self.down = nn.Conv2d(own, own, 2, stride=2, groups=own)

    def forward(self, features: Tensor) -> Tensor:
        full, halved = features.chunk(2, dim=1)
        size = (full.shape[-2], full.shape[-1])
        halved = self.down(halved)
        for pair in self.layers:
            full, halved = pair(full, halved)
        raised = functional.interpolate(
            halved,
            size,
            mode="bilinear",
            align_corners=False,
        )
        return torch.cat([full, raised], dim=1)


class FocalNet(ThreeScales):
    """From a blurry to the restored picture; ``width`` at full size is a multiple of 4."""

    multiple = 4
    smallest_px = 8

    def __init__(self, *, width: int = 32, blocks: int = 16) -> None:
        def stage(channels: int, full_size: bool) -> nn.Sequential:
            if full_size:
                return named(layers=_Paths(channels, blocks))
            return block_row(zero_padded_residual(channels) for _ in range(blocks))

        super().__init__(width, stage)
        self.pyramid_attentions = nn.ModuleList([DualAttention(4 * width)])

    def bottleneck(self, features: Tensor) -> Tensor:
        """The attention; at first it changes nothing."""
        attended: Tensor = self.pyramid_attentions[0](features)
        return attended


def _block(channels: int) -> Residual:
    first = zero_padded(channels, channels)
    return Residual(first, zero_padded(channels, channels, activated=False))
