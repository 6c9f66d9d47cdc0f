"""NAFNet with the official state-dict names (megvii-research/NAFNet at 2b4af71, NAFNet_arch.py).

Source: Chen et al., Simple Baselines for Image Restoration (ECCV 2022); depths as for GoPro."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from defocus.baselines.layers.frequency_selection import local_means
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import FlatChannelNorm, Pointwise, doubled

EPSILON = 1e-6


def _gate(features: Tensor) -> Tensor:
    """First half of the channels times the second: in place of an activation function."""
    first, second = features.chunk(2, dim=1)
    return first * second


class _Means(nn.Module):
    """Means over the map, or over windows of a side in px where the map is larger (TLC)."""

    # Source: Chu et al., Improving Image Restoration by Revisiting Global Information
    # Aggregation, ECCV 2022.

    def __init__(self, window_px: int | None) -> None:
        super().__init__()
        self.window_px = window_px

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[-2:]
        window = self.window_px
        if window is None or window >= max(height, width):
            return features.mean(dim=(2, 3), keepdim=True)
        return local_means(features, min(window, height), min(window, width))


class Block(nn.Module):
    """Two residual parts with products of features; at first the identity."""

    def __init__(self, channels: int, window_px: int | None = None) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.conv1 = Pointwise(channels, 2 * channels)
        self.conv2 = nn.Conv2d(
            2 * channels,
            2 * channels,
            3,
            padding=1,
            groups=2 * channels,
        )
        self.conv3 = Pointwise(channels, channels)
        self.sca = nn.Sequential(_Means(window_px), nn.Conv2d(channels, channels, 1))
        self.conv4 = Pointwise(channels, 2 * channels)
        self.conv5 = Pointwise(channels, channels)
        self.norm1 = FlatChannelNorm(channels, EPSILON)
        self.norm2 = FlatChannelNorm(channels, EPSILON)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        opened = self.conv2(self.conv1(self.norm1(features)))
        gated = _gate(opened)
        mixed = self.conv3(gated * self.sca(gated))
        features = features + mixed * self.beta
        opened = self.conv4(self.norm2(features))
        fed = self.conv5(_gate(opened))
        restored: Tensor = features + fed * self.gamma
        return restored


def _halving(channels: int) -> nn.Conv2d:
    """Twice the channels at half the size."""
    return nn.Conv2d(channels, 2 * channels, 2, stride=2)


def _widths(width: int, levels: int) -> list[int]:
    """Channels of each level: twice as many at half the size."""
    return [width * 2**number for number in range(levels + 1)]


class NAFNet(nn.Module):
    """From a blurry to the restored picture; blocks start as identities."""

    # Each level below the finest has twice as many channels. Encoder blocks are counted finest
    # first, decoder blocks coarsest first. ``window_px`` is the side at full size of the windows
    # over which means are taken; None for the whole picture.

    def __init__(
        self,
        *,
        width: int = 32,
        encoder_blocks: Sequence[int] = (1, 1, 1, 28),
        middle_blocks: int = 1,
        decoder_blocks: Sequence[int] = (1, 1, 1, 1),
        window_px: int | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self.window_px = window_px

        levels = len(encoder_blocks)
        *outer, deepest = _widths(width, levels)
        self.multiple = 2**levels
        self.intro = nn.Conv2d(3, width, 3, padding=1)
        self.ending = nn.Conv2d(width, 3, 3, padding=1)
        self.encoders = nn.ModuleList(map(self.level, encoder_blocks, outer))
        self.decoders = nn.ModuleList(map(self.level, decoder_blocks, outer[::-1]))
        self.middle_blks = self.level(middle_blocks, deepest)
        self.ups = nn.ModuleList(doubled(2 * wide) for wide in outer[::-1])
        self.downs = nn.ModuleList(map(_halving, outer))

    def level(self, times: int, channels: int) -> nn.Sequential:
        """The blocks of one size."""
        window = self.window_px and self.window_px * self.width // channels
        blocks = [Block(channels, window) for _ in range(times)]
        return nn.Sequential(*blocks)

    def padded(self, blurry: Tensor) -> Tensor:
        """The picture with zeros on the right and below, as the official network pads it."""
        return pad_to_multiple(blurry, self.multiple, "zeros")

    def encoded(self, padded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features at the coarsest size, and those that the encoders leave, finest first."""
        picture = padded.contiguous(memory_format=torch.channels_last)
        features = self.intro(picture)
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            features = encoder(features)
            skips.append(features)
            features = down(features)
        return features, skips

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        padded = self.padded(blurry)
        features, skips = self.encoded(padded)
        features = self.middle_blks(features)
        for decoder, up, skip in zip(
            self.decoders,
            self.ups,
            reversed(skips),
            strict=True,
        ):
            features = decoder(up(features) + skip)
        restored = self.ending(features) + padded
        return cropped(restored, blurry)
