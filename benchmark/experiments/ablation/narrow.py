"""A small U-Net, so that an ablation takes minutes per row on a CPU."""

import torch
from torch import nn

from defocus.baselines.systems.unet.network import UNet

__all__ = ["NarrowUNet"]

WIDTH, LEVELS = 16, 3


class NarrowUNet(UNet):
    """JDRL's U-Net with 16 channels at the finest of 3 levels, which gives a change of its input.

    The paper's gives the picture itself through a sigmoid; in minutes it does not even learn to
    repeat its input, so that differences between losses of a few tenths of a dB cannot show.
    Nor does it drop features: in so short a training that is noise.
    """

    def __init__(self) -> None:
        super().__init__(width=WIDTH, levels=LEVELS)
        self.dropout.p = 0.0
        self.out = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding="same"))
        nn.init.zeros_(self.out[0].weight)  # type: ignore[arg-type] # a Sequential's members are Any
        nn.init.zeros_(self.out[0].bias)  # type: ignore[arg-type] # as above

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture, not clamped; ``(N, 3, H, W)`` in and out."""
        return blurry + super().forward(blurry)
