"""NAFNet with the official state-dict names (megvii-research/NAFNet at 2b4af71, NAFNet_arch.py).

Source: Chen et al., Simple Baselines for Image Restoration (ECCV 2022); depths as for GoPro."""

from collections.abc import Sequence

import torch
from torch import nn

from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import FlatChannelNorm, Pointwise

EPSILON = 1e-6


def _gate(features: torch.Tensor) -> torch.Tensor:
    """First half of the channels times the second: in place of an activation function."""
    first, second = features.chunk(2, dim=1)
    return first * second


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.conv1 = Pointwise(channels, 2 * channels)
        self.conv2 = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.conv3 = Pointwise(channels, channels)
        self.sca = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1))
        self.conv4 = Pointwise(channels, 2 * channels)
        self.conv5 = Pointwise(channels, channels)
        self.norm1 = FlatChannelNorm(channels, EPSILON)
        self.norm2 = FlatChannelNorm(channels, EPSILON)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        mixed = _gate(self.conv2(self.conv1(self.norm1(features))))
        mixed = self.conv3(mixed * self.sca(mixed))
        features = features + mixed * self.beta
        fed = self.conv5(_gate(self.conv4(self.norm2(features))))
        restored: torch.Tensor = features + fed * self.gamma
        return restored


def _level(times: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(channels) for _ in range(times)))


def _doubled(channels: int) -> nn.Sequential:
    """Twice as large, with half as many channels."""
    return nn.Sequential(Pointwise(channels, 2 * channels, bias=False), nn.PixelShuffle(2))


class NAFNet(nn.Module):
    """From a blurry to the restored picture; blocks start as identities."""

    # Each level below the finest has twice as many channels. Encoder blocks are counted finest
    # first, decoder blocks coarsest first.

    def __init__(
        self,
        *,
        width: int = 32,
        encoder_blocks: Sequence[int] = (1, 1, 1, 28),
        middle_blocks: int = 1,
        decoder_blocks: Sequence[int] = (1, 1, 1, 1),
    ) -> None:
        super().__init__()
        widths = [width * 2**number for number in range(len(encoder_blocks) + 1)]
        self.multiple = 2 ** len(encoder_blocks)
        self.intro = nn.Conv2d(3, width, 3, padding=1)
        self.ending = nn.Conv2d(width, 3, 3, padding=1)
        self.encoders = nn.ModuleList(map(_level, encoder_blocks, widths[:-1]))
        self.decoders = nn.ModuleList(map(_level, decoder_blocks, widths[-2::-1]))
        self.middle_blks = _level(middle_blocks, widths[-1])
        self.ups = nn.ModuleList(map(_doubled, widths[:0:-1]))
        self.downs = nn.ModuleList(nn.Conv2d(wide, 2 * wide, 2, stride=2) for wide in widths[:-1])

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        # Padded by zeros on the right and below to multiples of 16, as the official network does.
        padded = pad_to_multiple(blurry, self.multiple, "zeros")
        features = self.intro(padded.contiguous(memory_format=torch.channels_last))
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            features = encoder(features)
            skips.append(features)
            features = down(features)
        features = self.middle_blks(features)
        for decoder, up, skip in zip(self.decoders, self.ups, reversed(skips), strict=True):
            features = decoder(up(features) + skip)
        return cropped(self.ending(features) + padded, blurry)
