"""GKMNet's backbone: a light U whose blocks end in attention over three pairs of axes."""

import torch
from torch import nn

__all__ = ["WIDTH", "Backbone", "conv_norm_relu"]

WIDTH = 32
"""Features per pixel of the released networks."""

GATE_MOMENTUM = 0.01


def conv_norm_relu(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    """A convolution with batch normalisation and ReLU."""
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())


class _GateConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(1, momentum=GATE_MOMENTUM)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        gate: torch.Tensor = self.bn(self.conv(pooled)).sigmoid()
        return gate


class _Gate(nn.Module):
    """A gate over two axes from maximum and mean over the third one (axis 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _GateConv()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        pooled = torch.stack([features.amax(dim=1), features.mean(dim=1)], dim=1)
        gated: torch.Tensor = features * self.conv(pooled)
        return gated


class _TripletAttention(nn.Module):
    """Source: Misra et al., Rotate to Attend (WACV 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.cw = _Gate()
        self.hc = _Gate()
        self.hw = _Gate()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        over_height = self.cw(features.permute(0, 2, 1, 3)).permute(0, 2, 1, 3)
        over_width = self.hc(features.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)
        gated: torch.Tensor = (self.hw(features) + over_height + over_width) / 3
        return gated


class _Residuals(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv_norm_relu(nn.Conv2d(channels, channels, 3, padding=1))
        self.conv1 = conv_norm_relu(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        features = features + self.conv(features)
        added: torch.Tensor = features + self.conv1(features)
        return added


class _Block(nn.Module):
    def __init__(self, first: nn.Sequential, channels: int) -> None:
        super().__init__()
        self.conv = first
        self.ta = _TripletAttention()
        self.res_block = _Residuals(channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        attended: torch.Tensor = self.ta(self.res_block(self.conv(features)))
        return attended


class Backbone(nn.Module):
    """From a picture to features per pixel; additive skips, but none at full size."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        two, four = 2 * width, 4 * width
        self.in_block = _Block(nn.Sequential(nn.Conv2d(3, width, 3, padding=1)), width)
        self.conv_block1_1 = _down(width, two)
        self.conv_block2_1 = _down(two, four)
        self.bottle_neck_1 = _Block(conv_norm_relu(nn.Conv2d(four, four, 3, padding=1)), four)
        self.conv_block3_1 = _up(four, two)
        self.conv_block4_1 = _up(two, width)

    def features(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)`` to ``(N, width, H, W)``; H and W multiples of 4."""
        first = self.conv_block1_1(self.in_block(picture))
        second = self.conv_block2_1(first)
        raised = self.conv_block3_1(self.bottle_neck_1(second) + second)
        features: torch.Tensor = self.conv_block4_1(raised + first)
        return features


def _down(inputs: int, outputs: int) -> _Block:
    return _Block(conv_norm_relu(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)), outputs)


def _up(inputs: int, outputs: int) -> _Block:
    return _Block(conv_norm_relu(nn.ConvTranspose2d(inputs, outputs, 2, stride=2)), outputs)
