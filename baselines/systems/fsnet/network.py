"""FSNet with the official state-dict names (c-yn/FSNet at 139b3c4d).

Source: Cui et al., Image Restoration via Frequency Selection (IEEE TPAMI 2023)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.frequency_selection import Pooling, selective_blocks
from defocus.baselines.layers.named import named
from defocus.baselines.layers.three_scales import ThreeScales


class _Waist(nn.Module):
    """Blocks in sequence; the middle half of them works at half the size."""

    def __init__(self, channels: int, blocks: nn.Sequential) -> None:
        super().__init__()
        self.layers = blocks
        self.down = nn.Conv2d(channels, channels, 2, stride=2, groups=channels)
        self.conv = nn.Conv2d(2 * channels, channels, 1)
        self.quarter = len(blocks) // 4

    def forward(self, features: Tensor) -> Tensor:
        outer = self.quarter
        skip = self.layers[:outer](features)
        inner = self.layers[outer:-outer](self.down(skip))
        size = (features.shape[-2], features.shape[-1])
        raised = functional.interpolate(
            inner,
            size,
            mode="bilinear",
            align_corners=False,
        )
        joined = self.conv(torch.cat([raised, skip], dim=1))
        added: Tensor = self.layers[-outer:](joined) + features
        return added


class FSNet(ThreeScales):
    """From a blurry to the restored picture; the last of 4 or more blocks per size has filters."""

    # ``width`` is 8 or a multiple of 16. ``window_px`` is the pooling window in a map of 256 px, in
    # training too; None for means over the whole map.

    multiple = 8
    smallest_px = 16

    def __init__(
        self,
        *,
        width: int = 32,
        blocks: int = 16,
        window_px: int | None = None,
    ) -> None:
        pooling = Pooling(window_px, in_training=True)

        def stage(channels: int, full_size: bool) -> nn.Module:
            row = selective_blocks(channels, pooling, blocks)
            return named(layers=_Waist(channels, row) if full_size else row)

        super().__init__(width, stage)
