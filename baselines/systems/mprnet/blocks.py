"""Blocks of MPRNet's stages; no convolution has a bias."""

import torch
from torch import nn

from defocus.baselines.layers.attention.channel import ChannelAttention

__all__ = ["AttentionBlock", "Down", "SupervisedAttention", "Up", "blocks", "conv"]

REDUCTION = 4


def conv(inputs: int, outputs: int, size: int) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)


class AttentionBlock(nn.Module):
    """A residual block whose channels are weighted by their means over the whole patch."""

    # ``activation`` is the network's one PReLU, shared by all its blocks.

    def __init__(self, channels: int, activation: nn.PReLU) -> None:
        super().__init__()
        self.CA = ChannelAttention(channels, REDUCTION, bias=False)
        self.body = nn.Sequential(
            conv(channels, channels, 3), activation, conv(channels, channels, 3)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``(N, C, h, w)`` to the same shape."""
        attended: torch.Tensor = self.CA(self.body(features))
        return features + attended


def blocks(channels: int, count: int, activation: nn.PReLU) -> nn.Sequential:
    """``count`` attention blocks in a row."""
    return nn.Sequential(*(AttentionBlock(channels, activation) for _ in range(count)))


class Down(nn.Module):
    """Half the size, bilinearly, then other channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.down = nn.Sequential(_scale(0.5), conv(inputs, outputs, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``(N, C, h, w)`` to ``(N, outputs, h / 2, w / 2)``."""
        halved: torch.Tensor = self.down(features)
        return halved


class Up(nn.Module):
    """Twice the size, bilinearly, then other channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.Sequential(_scale(2.0), conv(inputs, outputs, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``(N, C, h, w)`` to ``(N, outputs, 2 h, 2 w)``."""
        doubled: torch.Tensor = self.up(features)
        return doubled


class SupervisedAttention(nn.Module):
    """Makes a stage's picture, and weighs by it what the next stage gets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, 1)
        self.conv2 = conv(channels, 3, 1)
        self.conv3 = conv(3, channels, 1)

    def forward(
        self, features: torch.Tensor, picture: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The features for the next stage, and this stage's picture."""
        restored = self.conv2(features) + picture
        return features + self.conv1(features) * torch.sigmoid(self.conv3(restored)), restored


def _scale(factor: float) -> nn.Upsample:
    return nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)
