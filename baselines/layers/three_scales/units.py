"""Convolutions, residual blocks and rows of them, under their official names."""

import torch
from torch import nn

__all__ = [
    "BlockRow",
    "ResidualUnit",
    "Unit",
    "doubling",
    "reflecting",
    "reflecting_residual",
    "zero_padded",
    "zero_padded_residual",
]


class Unit(nn.Module):
    """A convolution, and its activation if there is one."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to what the last layer gives."""
        given: torch.Tensor = self.main(features)
        return given


class ResidualUnit(Unit):
    """Layers whose result is added to their input."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        return features + super().forward(features)


class BlockRow(nn.Module):
    """The blocks that an encoder or a decoder has at one size."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        given: torch.Tensor = self.layers(features)
        return given


def zero_padded(
    inputs: int, outputs: int, size: int = 3, *, stride: int = 1, activated: bool = True
) -> Unit:
    """A convolution with zeros outside and a bias, and GELU after it if it is activated."""
    convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2)
    return Unit(convolution, nn.GELU()) if activated else Unit(convolution)


def reflecting(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """A 3 × 3 convolution, reflection outside, no bias."""
    return nn.Conv2d(
        inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect", bias=False
    )


def doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A transposed convolution to twice the size, no bias."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def reflecting_residual(channels: int) -> ResidualUnit:
    """Two reflecting convolutions with ReLU between them."""
    return ResidualUnit(
        Unit(reflecting(channels, channels), nn.ReLU()), Unit(reflecting(channels, channels))
    )


def zero_padded_residual(channels: int) -> ResidualUnit:
    """Two zero-padded convolutions with GELU between them."""
    return ResidualUnit(
        zero_padded(channels, channels), zero_padded(channels, channels, activated=False)
    )
