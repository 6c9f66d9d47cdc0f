"""IFAN's training-only branch: predicted deblurring filters turned into reblurring filters."""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.systems.ifan.adaptive import adaptive_convolution, filter_channels
from defocus.baselines.systems.ifan.layers import ResidualBlocks, conv, initialise

__all__ = ["ReblurNet"]

WIDTH = 128


class ReblurNet(nn.Module):
    """Blurs a small sharp picture with filters made of those that deblur the features."""

    def __init__(self, filter_values: int, steps: int = 17, *, corrected: bool = False) -> None:
        super().__init__()
        self.steps, self.corrected = steps, corrected
        self.RBF = nn.Sequential(
            conv(filter_values, WIDTH),
            ResidualBlocks(WIDTH, 2),
            ResidualBlocks(WIDTH, 2),
            nn.Conv2d(WIDTH, filter_channels(steps, 3), 3, padding=1),
        )
        initialise(self.modules())

    def forward(self, sharp: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
        """The reblurred picture at the filters' size, to which it comes by nearest neighbour."""
        small = functional.interpolate(sharp, size=filters.shape[-2:], mode="nearest")
        blurred = adaptive_convolution(
            small,
            self.RBF(filters),
            steps=self.steps,
            corrected=self.corrected,
            last_activation=False,
        )
        return blurred + small
