"""The encoder and decoder that every level of the hierarchy has, with the official layer names."""

import math

import torch
from torch import nn

__all__ = ["WIDTH", "Decoder", "Encoder", "initialise"]

WIDTH = 32
"""Channels at full size in the released networks."""


class Encoder(nn.Module):
    """A patch ``(N, 3, h, w)`` to features ``(N, 4 width, h / 4, w / 4)``."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        two, four = 2 * width, 4 * width
        self.layer1 = nn.Conv2d(3, width, 3, padding=1)
        self.layer2, self.layer3 = _residual(width), _residual(width)
        self.layer5 = nn.Conv2d(width, two, 3, stride=2, padding=1)
        self.layer6, self.layer7 = _residual(two), _residual(two)
        self.layer9 = nn.Conv2d(two, four, 3, stride=2, padding=1)
        self.layer10, self.layer11 = _residual(four), _residual(four)

    def forward(self, patch: torch.Tensor) -> torch.Tensor:
        """The features; no activation between the units."""
        features = _two(self.layer1(patch), self.layer2, self.layer3)
        features = _two(self.layer5(features), self.layer6, self.layer7)
        return _two(self.layer9(features), self.layer10, self.layer11)


class Decoder(nn.Module):
    """Features ``(N, 4 width, h / 4, w / 4)`` to a picture ``(N, 3, h, w)``."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        two, four = 2 * width, 4 * width
        self.layer13, self.layer14 = _residual(four), _residual(four)
        self.layer16 = nn.ConvTranspose2d(four, two, 4, stride=2, padding=1)
        self.layer17, self.layer18 = _residual(two), _residual(two)
        self.layer20 = nn.ConvTranspose2d(two, width, 4, stride=2, padding=1)
        self.layer21, self.layer22 = _residual(width), _residual(width)
        self.layer24 = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The picture, or what is added to one."""
        features = self.layer16(_two(features, self.layer13, self.layer14))
        features = self.layer20(_two(features, self.layer17, self.layer18))
        picture: torch.Tensor = self.layer24(_two(features, self.layer21, self.layer22))
        return picture


def initialise(module: nn.Module) -> None:
    """The official start: normal weights, half as wide as He's by fan-out; biases 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
        nn.init.normal_(module.weight, std=0.5 * math.sqrt(2 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _residual(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1),
    )


def _two(features: torch.Tensor, first: nn.Module, second: nn.Module) -> torch.Tensor:
    features = features + first(features)
    both: torch.Tensor = features + second(features)
    return both
