"""OKNet with the official state-dict names.

Source: Cui et al., Omni-Kernel Network for Image Restoration (AAAI 2024); c-yn/OKNet at 159cbc1b.
"""

import torch
from torch import nn

from defocus.baselines.layers.three_scales.frame import ThreeScales
from defocus.baselines.layers.three_scales.units import BlockRow, zero_padded_residual
from defocus.baselines.systems.oknet.omni_kernel import OmniKernel

__all__ = ["OKNet"]


class OKNet(ThreeScales):
    """From a blurry to the restored picture; ``width`` at full size is a multiple of 4."""

    multiple = 4
    smallest_px = 8

    def __init__(self, *, width: int = 32, blocks: int = 16) -> None:
        def stage(channels: int, _: bool) -> BlockRow:
            return BlockRow(nn.Sequential(*(zero_padded_residual(channels) for _ in range(blocks))))

        super().__init__(width, stage)
        self.bottelneck = OmniKernel(4 * width)  # spelled so

    def bottleneck(self, features: torch.Tensor) -> torch.Tensor:
        """The large kernels; no residual around them."""
        mixed: torch.Tensor = self.bottelneck(features)
        return mixed
