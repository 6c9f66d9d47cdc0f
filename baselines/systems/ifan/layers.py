"""The convolutions and residual blocks that IFAN's parts are made of."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional

__all__ = ["ResidualBlocks", "conv", "initialise", "up"]

SLOPE = 0.1


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 × 3 convolution and a leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(SLOPE, inplace=True)
    )


def up(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the size by a transposed 4 × 4 convolution, and a leaky ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class ResidualBlocks(nn.Module):
    """Residual blocks, activated after each inner sum; several have one residual around all."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.stem = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.LeakyReLU(SLOPE, inplace=True),
                nn.Conv2d(channels, channels, 3, padding=1),
            )
            for _ in range(count)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``(N, C, h, w)`` to the same shape."""
        inner = features
        for block in self.stem:
            inner = functional.leaky_relu(inner + block(inner), SLOPE)
        return inner + features if len(self.stem) > 1 else inner


def initialise(modules: Iterable[nn.Module], gain: float = 1.0) -> None:
    """Xavier's uniform weights of that gain, biases 0."""
    for module in modules:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight, gain=gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
