"""A small U-Net, so that an ablation takes minutes per row on a CPU."""

import torch
from torch import nn

from defocus.baselines.systems.unet.network import UNet

WIDTH, LEVELS = 16, 3


class NarrowUNet(UNet):
    """JDRL's U-Net with 3 levels, 16 channels at the finest, which adds a correction to its input.

    In some minutes the paper's sigmoid does not learn the input, which hides tenths of a dB."""

    def __init__(self) -> None:
        super().__init__(width=WIDTH, levels=LEVELS)
        self.dropout.p = 0.0
        self.out = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding="same"))
        nn.init.zeros_(self.out[0].weight)  # type: ignore[arg-type] # a Sequential's members are Any
        nn.init.zeros_(self.out[0].bias)  # type: ignore[arg-type] # as above

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture, not clamped; ``(N, 3, H, W)`` in and out."""
        return blurry + super().forward(blurry)
