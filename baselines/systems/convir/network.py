"""ConvIR with the official state-dict names (c-yn/ConvIR at 05dcbffa, Motion_Deblurring).

Source: Cui et al., Revitalizing Convolutional Network for Image Restoration (IEEE TPAMI 2024)."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from defocus.baselines.layers.frequency_selection import GROUPS, filtered
from defocus.baselines.layers.three_scales import ThreeScales
from defocus.baselines.systems.irnext.network import (
    FILTER_PX,
    POOLED_PX,
    Contrast,
    stages,
)

COARSEST = 4
"""Reduction of the picture at the coarsest size at which blocks work."""


class _Strip(nn.Module):
    """Adds a version filtered along rows (``axis`` 3) or columns (2); at first the identity."""

    def __init__(self, channels: int, axis: int, dilation: int) -> None:
        super().__init__()
        self.inside_all = nn.Parameter(torch.zeros(channels, 1, 1))
        self.lamb_l = nn.Parameter(torch.zeros(channels))
        self.lamb_h = nn.Parameter(torch.zeros(channels))
        self.groups = min(GROUPS, channels)
        self.conv = nn.Conv2d(channels, self.groups * FILTER_PX, 1, bias=False)
        self.axis = axis
        self.dilation = dilation

    def forward(self, features: Tensor) -> Tensor:
        means = features.mean(dim=(2, 3), keepdim=True)
        numbers = self.conv(means).tanh()
        taps = numbers.reshape(len(features), self.groups, FILTER_PX)
        kernel = (1, FILTER_PX) if self.axis == 3 else (FILTER_PX, 1)
        mean = features.mean(dim=self.axis, keepdim=True)
        low = filtered(features, taps, kernel, self.dilation)
        low = (self.inside_all + 1) * low - self.inside_all * mean
        of_low = self.lamb_l[:, None, None]
        of_all = self.lamb_h[:, None, None] + 1
        added: Tensor = of_low * low + of_all * features
        return added


class _Strips(nn.Module):
    """Rows, then columns; at first the identity."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels, 1, 1))
        self.beta = nn.Parameter(torch.ones(channels, 1, 1))
        self.H_spatial_att = _Strip(channels, 3, dilation)
        self.W_spatial_att = _Strip(channels, 2, dilation)

    def forward(self, features: Tensor) -> Tensor:
        stripped = self.W_spatial_att(self.H_spatial_att(features))
        weighed: Tensor = self.gamma * stripped + self.beta * features
        return weighed


class Shapes(nn.Module):
    """The sum of a square filter and of strips; at first it doubles its input."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.square_att = Contrast(channels, dilation)
        self.strip_att = _Strips(channels, dilation)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        summed: Tensor = self.strip_att(features) + self.square_att(features)
        return summed


class ConvIR(ThreeScales):
    """From a blurry to the restored picture; ``dilations`` are those of means over 8, 4, 2 px."""

    multiple = 32

    def __init__(
        self,
        *,
        width: int = 32,
        blocks: int = 4,
        dilations: Sequence[int] = (7, 9, 11),
    ) -> None:
        def contrasts(channels: int) -> Iterator[nn.Module]:
            return (Shapes(channels, dilation) for dilation in dilations)

        super().__init__(width, stages(blocks, contrasts))
        reaches = zip(POOLED_PX, dilations, strict=True)
        # A reflection needs one more pixel than it gives.
        self.smallest_px = max(
            COARSEST * pooled * (dilation + 1) for pooled, dilation in reaches
        )
