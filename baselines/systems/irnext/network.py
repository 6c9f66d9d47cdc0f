"""IRNeXt with the official state-dict names (c-yn/IRNeXt at cbb33e06).

Source: Cui et al., IRNeXt: Rethinking Convolutional Network Design (ICML 2023)."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.frequency_selection import FilterChoice, filtered
from defocus.baselines.layers.three_scales import (
    StageMaker,
    ThreeScales,
    block_row,
    zero_padded_residual,
)

POOLED_PX = (8, 4, 2)
FILTER_PX = 3


class Contrast(FilterChoice):
    """Adds a filtered version that the picture chooses; at first the identity."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.lamb_l = nn.Parameter(torch.zeros(channels))
        self.lamb_h = nn.Parameter(torch.zeros(channels))
        self.inside_all = nn.Parameter(torch.zeros(channels, 1, 1))
        self.add_choice(channels, FILTER_PX)
        self.dilation = dilation

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        mean = features.mean(dim=(2, 3), keepdim=True)
        taps = self.chosen(mean).tanh()
        low = filtered(features, taps, self.kernel, self.dilation)
        low = (self.inside_all + 1) * low - self.inside_all * mean
        of_low = self.lamb_l[:, None, None]
        of_all = self.lamb_h[:, None, None] + 1
        added: Tensor = of_low * low + of_all * features
        return added


class Pyramid(nn.Module):
    """Adds features of means over 8, 4 and 2 px, the coarser ones feeding the finer."""

    def __init__(self, channels: int, contrasts: Iterator[nn.Module]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_plain(channels) for _ in POOLED_PX)
        # made now: random numbers are taken in this order
        self.dynas = nn.ModuleList(contrasts)
        self.conv_sum = _plain(channels)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        total = features
        size = (features.shape[-2], features.shape[-1])
        coarser: Tensor | None = None
        for side, convolution, contrast in zip(
            POOLED_PX,
            self.convs,
            self.dynas,
            strict=True,
        ):
            means = functional.avg_pool2d(features, side)
            if coarser is not None:
                height, width = means.shape[-2:]
                means = means + _raised(coarser, (height, width))
            coarser = contrast(convolution(means))
            total = total + _raised(coarser, size)
        summed: Tensor = self.conv_sum(functional.gelu(total))
        return summed


def stages(blocks: int, contrasts: Callable[[int], Iterator[nn.Module]]) -> StageMaker:
    """Residual blocks, of which the last one of each size sees the coarser sizes.

    ``contrasts`` makes the three filters of a pyramid from its number of channels."""

    def stage(channels: int, _: bool) -> nn.Module:
        def between() -> Iterator[nn.Module]:  # each made when its block is
            yield from (nn.Identity() for _ in range(blocks - 1))
            yield Pyramid(channels, contrasts(channels))

        return block_row(zero_padded_residual(channels, one) for one in between())

    return stage


class IRNeXt(ThreeScales):
    """From a blurry to the restored picture; the last block of each size sees the coarser sizes."""

    multiple = 32
    smallest_px = 64

    def __init__(self, *, width: int = 32, blocks: int = 16) -> None:
        def contrasts(channels: int) -> Iterator[nn.Module]:
            return (Contrast(channels) for _ in POOLED_PX)

        super().__init__(width, stages(blocks, contrasts))


def _plain(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=1, bias=False)


def _raised(features: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(features, size, mode="bilinear", align_corners=True)
