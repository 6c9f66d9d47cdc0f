"""Layers of Restormer and its U of four levels, shared by other image transformers.

All are fastest on the CPU in ``channels_last`` order: norms over channels then read in order."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import named
from defocus.baselines.layers.pointwise import Pointwise

SMALLEST_NORM = 1e-12


class TransposedAttention(nn.Module):
    """Attention between channels: scores are cosines of channel maps, C × C and not HW × HW."""

    # Source: Restormer (CVPR 2022), eq. 1 (MDTA).

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = Pointwise(channels, 3 * channels, bias=False)
        self.qkv_dwconv = nn.Conv2d(
            3 * channels,
            3 * channels,
            3,
            padding=1,
            groups=3 * channels,
            bias=False,
        )
        self.project_out = Pointwise(channels, channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        count, channels, height, width = features.shape
        mixed = self.qkv_dwconv(self.qkv(features))
        query, key, value = mixed.reshape(
            count,
            3,
            self.heads,
            channels // self.heads,
            height * width,
        ).unbind(1)
        scores = cosines(query, key) * self.temperature
        attended = scores.softmax(dim=-1) @ value
        restored: Tensor = self.project_out(
            attended.reshape(count, channels, height, width)
        )
        return restored


def cosines(query: Tensor, key: Tensor) -> Tensor:
    """Cosines ``(..., C, C')`` of all rows; the product is scaled instead of the long rows."""
    return (query @ key.transpose(-2, -1)) / (
        row_norms(query) * row_norms(key).transpose(-2, -1)
    )


def row_norms(rows: Tensor) -> Tensor:
    """Lengths of ``(..., C, L)``, never 0; ``vector_norm`` is slow in ``channels_last`` order."""
    wide = torch.promote_types(rows.dtype, torch.float32)
    squares = rows.square().sum(dim=-1, keepdim=True, dtype=wide)
    return squares.clamp_min(SMALLEST_NORM**2).sqrt()


def gated(gate: Tensor, content: Tensor) -> Tensor:
    """GELU(gate) · content, each ``(N, C, H, W)``, parts of a tensor's channels."""
    # The gate is made contiguous first, because GELU is slow on few channels per pixel.
    contiguous = gate.contiguous(memory_format=torch.channels_last)
    return functional.gelu(contiguous) * content


class GatedFeedForward(nn.Module):
    """Feed-forward layer of two depth-wise filtered halves, one of which gates the other."""

    # Source: Restormer (CVPR 2022), eq. 2 (GDFN).

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.project_in = Pointwise(channels, 2 * hidden, bias=False)
        self.dwconv = nn.Conv2d(
            2 * hidden,
            2 * hidden,
            3,
            padding=1,
            groups=2 * hidden,
            bias=False,
        )
        self.project_out = Pointwise(hidden, channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        mixed = self.dwconv(self.project_in(features))
        gate, content = mixed.chunk(2, dim=1)
        fed: Tensor = self.project_out(gated(gate, content))
        return fed


def halving(channels: int) -> nn.Sequential:
    """Half the size, twice the channels."""
    convolution = nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.PixelUnshuffle(2))


def doubling(channels: int) -> nn.Sequential:
    """Twice the size, half the channels."""
    convolution = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.PixelShuffle(2))


class FourLevels(nn.Module):
    """Encoder, latent blocks, decoder; skips are concatenated."""

    # A network calls ``add_levels`` between its other layers, because the order of registration
    # must be that of the official state dict.

    def add_levels(
        self,
        dim: int,
        blocks: Sequence[int],
        block: Callable[[int, int], nn.Module],
    ) -> None:
        """Register the levels, finest (0) first; ``block`` makes one from channels and level."""

        def level(number: int, width: int) -> nn.Sequential:
            made = [block(width * dim, number) for _ in range(blocks[number])]
            return nn.Sequential(*made)

        self.encoder_level1 = level(0, 1)
        self.down1_2 = named(body=halving(dim))
        self.encoder_level2 = level(1, 2)
        self.down2_3 = named(body=halving(2 * dim))
        self.encoder_level3 = level(2, 4)
        self.down3_4 = named(body=halving(4 * dim))
        self.latent = level(3, 8)
        self._add_decoder(dim, level)

    def _add_decoder(
        self,
        dim: int,
        level: Callable[[int, int], nn.Sequential],
    ) -> None:
        """Register the way back, coarsest level first."""
        self.up4_3 = named(body=doubling(8 * dim))
        self.reduce_chan_level3 = Pointwise(8 * dim, 4 * dim, bias=False)
        self.decoder_level3 = level(2, 4)
        self.up3_2 = named(body=doubling(4 * dim))
        self.reduce_chan_level2 = Pointwise(4 * dim, 2 * dim, bias=False)
        self.decoder_level2 = level(1, 2)
        self.up2_1 = named(body=doubling(2 * dim))
        self.decoder_level1 = level(0, 2)  # no reduction after the last concatenation

    def decoded(self, embedded: Tensor) -> Tensor:
        """From ``(N, dim, H, W)`` to ``(N, 2 dim, H, W)``; H and W multiples of 8."""
        first = self.encoder_level1(embedded)
        second = self.encoder_level2(self.down1_2(first))
        third = self.encoder_level3(self.down2_3(second))
        deepest = self.latent(self.down3_4(third))
        features = self.up4_3(deepest)
        joined = torch.cat([features, third], dim=1)
        features = self.decoder_level3(self.reduce_chan_level3(joined))
        features = self.up3_2(features)
        joined = torch.cat([features, second], dim=1)
        features = self.decoder_level2(self.reduce_chan_level2(joined))
        features = self.up2_1(features)
        joined = torch.cat([features, first], dim=1)
        decoded: Tensor = self.decoder_level1(joined)
        return decoded
