"""The residual block of SFNet and FSNet: parts of the spectrum are weighed apart.

Source: Cui et al., Selective Frequency Network, ICLR 2023; c-yn/SFNet at b2d3c691.
"""

import torch
from torch import nn

from defocus.baselines.layers.patch_grid import join, split
from defocus.baselines.layers.three_scales.dynamic_filter import FilterChoice, filtered
from defocus.baselines.layers.three_scales.pooling import Pooling
from defocus.baselines.layers.three_scales.units import zero_padded

__all__ = ["SelectiveBlock"]

SMALL_PX, LARGE_PX = 3, 5
FEWEST_HIDDEN = 32
QUADRANTS = 4


class SelectiveBlock(nn.Module):
    """A residual block; some channels are filtered, others weighed against their means."""

    def __init__(self, channels: int, pooling: Pooling, *, filters: bool) -> None:
        super().__init__()
        self.conv1 = zero_padded(channels, channels)
        self.conv2 = zero_padded(channels, channels, activated=False)
        half = channels // 2
        self.filters = filters
        if filters:
            self.dyna = _Filter(half, SMALL_PX, pooling)
            self.dyna_2 = _Filter(half, LARGE_PX, pooling)
        self.localap = _Quadrants(half, pooling)
        self.global_ap = _Whole(half, pooling)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape; H and W even."""
        mixed = self.conv1(features)
        if self.filters:
            first, second = mixed.chunk(2, dim=1)
            mixed = torch.cat([self.dyna(first), self.dyna_2(second)], dim=1)
        first, second = mixed.chunk(2, dim=1)
        mixed = torch.cat([self.global_ap(first), self.localap(second)], dim=1)
        added: torch.Tensor = self.conv2(mixed) + features
        return added


class _Whole(nn.Module):
    """Means and what deviates from them, weighed per channel; at first only what deviates."""

    def __init__(self, channels: int, pooling: Pooling) -> None:
        super().__init__()
        self.fscale_d = nn.Parameter(torch.zeros(channels))
        self.fscale_h = nn.Parameter(torch.zeros(channels))
        self.pooling = pooling

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        means = self.pooling(features)
        high = (features - means) * (self.fscale_h[:, None, None] + 1)
        weighed: torch.Tensor = means * self.fscale_d[:, None, None] + high
        return weighed


class _Quadrants(nn.Module):
    """The same for each quarter of the picture with weights of its own; at first nothing."""

    def __init__(self, channels: int, pooling: Pooling) -> None:
        super().__init__()
        self.h = nn.Parameter(torch.zeros(QUADRANTS * channels))
        self.l = nn.Parameter(torch.zeros(QUADRANTS * channels))
        self.pooling = pooling

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        quadrants = split(features, 2, 2)
        low = self.pooling(quadrants)
        count = features.shape[0]
        weighed = _each(self.h, count) * (quadrants - low) + _each(self.l, count) * low
        return join(weighed, 2, 2)


def _each(weights: torch.Tensor, count: int) -> torch.Tensor:
    """From a weight per channel and quadrant (channels first) to ``(count * 4, C, 1, 1)``."""
    return weights.reshape(-1, QUADRANTS).T.repeat(count, 1)[..., None, None]


class _Filter(FilterChoice):
    """A low pass that the picture chooses; what it keeps and what it takes are weighed apart."""

    def __init__(self, channels: int, size: int, pooling: Pooling) -> None:
        super().__init__()
        self.lamb_l = nn.Parameter(torch.zeros(channels), requires_grad=False)  # unused officially
        self.lamb_h = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.add_choice(channels, size)
        self.modulate = _Modulation(channels, pooling)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        mean = features.mean(dim=(2, 3), keepdim=True)  # of the whole map, whatever the pooling
        low = filtered(features, self.chosen(mean).softmax(dim=2), self.size)
        modulated: torch.Tensor = self.modulate(low, features - low)
        return modulated


class _Modulation(nn.Module):
    """Weighs low against high frequencies; all channels of both share one softmax."""

    def __init__(self, channels: int, pooling: Pooling) -> None:
        super().__init__()
        hidden = max(channels // 2, FEWEST_HIDDEN)
        self.fc = nn.Conv2d(channels, hidden, 1)
        self.fcs = nn.ModuleList(nn.Conv2d(hidden, channels, 1) for _ in range(2))
        self.out = nn.Conv2d(channels, channels, 1)
        self.pooling = pooling

    def forward(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        reduced = self.fc(self.pooling(low + high))
        weights = torch.cat([each(reduced) for each in self.fcs], dim=1).softmax(dim=1)
        of_high, of_low = weights.chunk(2, dim=1)
        modulated: torch.Tensor = self.out(high * of_high + low * of_low)
        return modulated
