"""Strip attention: within rows and columns, and between whole rows and whole columns.

Source: Tsai et al., Stripformer, ECCV 2022, as P2IKT's released code uses it.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.pointwise import PointwiseLinear

__all__ = ["InterStrip", "IntraStrip"]

HEADS = 4
EXPANSION = 4


class _Strip(nn.Module):
    """Half of the channels attends along rows, half along columns; then an MLP per pixel."""

    # The two kinds register their modules in the released order, hence themselves.

    attention_norm: nn.LayerNorm
    conv_input: nn.Conv2d
    fuse_out: nn.Conv2d
    ffn_norm: nn.LayerNorm
    ffn: "_MLP"
    PEG: "_PositionEncoding"

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        normed = _per_pixel(self.attention_norm, features)
        horizontal, vertical = self.conv_input(normed).chunk(2, dim=1)
        mixed = torch.cat([self._rows(horizontal), self._columns(vertical)], dim=1)
        features = features + self.fuse_out(mixed)
        features = features + _per_pixel(self.ffn, _per_pixel(self.ffn_norm, features))
        encoded: torch.Tensor = self.PEG(features)
        return encoded

    def _rows(self, features: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _columns(self, features: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class IntraStrip(_Strip):
    """Pixels of one row, or of one column, attend to each other; channels are a multiple of 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.attention_norm = nn.LayerNorm(channels)
        self.conv_input = nn.Conv2d(channels, channels, 1)
        self.qkv_local_h = PointwiseLinear(half, 3 * half)
        self.qkv_local_v = PointwiseLinear(half, 3 * half)
        self.fuse_out = nn.Conv2d(channels, channels, 1)
        self.ffn_norm = nn.LayerNorm(channels)
        self.ffn = _MLP(channels)
        self.PEG = _PositionEncoding(channels)

    def _rows(self, features: torch.Tensor) -> torch.Tensor:
        tokens = features.permute(0, 2, 3, 1)  # N, H, W, C: the W pixels of a row
        return _attention(self.qkv_local_h(tokens)).permute(0, 3, 1, 2)

    def _columns(self, features: torch.Tensor) -> torch.Tensor:
        tokens = features.permute(0, 3, 2, 1)  # N, W, H, C: the H pixels of a column
        return _attention(self.qkv_local_v(tokens)).permute(0, 3, 2, 1)


class InterStrip(_Strip):
    """Whole rows attend to each other, and whole columns; a token grows with the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.attention_norm = nn.LayerNorm(channels)
        self.conv_input = nn.Conv2d(channels, channels, 1)
        self.conv_h = nn.Conv2d(half, 3 * half, 1)
        self.conv_v = nn.Conv2d(half, 3 * half, 1)
        self.ffn_norm = nn.LayerNorm(channels)
        self.ffn = _MLP(channels)
        self.fuse_out = nn.Conv2d(channels, channels, 1)
        self.PEG = _PositionEncoding(channels)

    def _rows(self, features: torch.Tensor) -> torch.Tensor:
        return _strips_attend(self.conv_h(features).transpose(1, 2)).transpose(1, 2)

    def _columns(self, features: torch.Tensor) -> torch.Tensor:
        strips = self.conv_v(features).permute(0, 3, 1, 2)
        return _strips_attend(strips).permute(0, 2, 3, 1)


class _MLP(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = PointwiseLinear(channels, EXPANSION * channels)
        self.fc2 = PointwiseLinear(EXPANSION * channels, channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.fc2(functional.gelu(self.fc1(features)))
        return hidden


class _PositionEncoding(nn.Module):
    """A depthwise convolution added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.PEG = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        encoded: torch.Tensor = self.PEG(features)
        return features + encoded


def _per_pixel(layer: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """A layer on the last axis, applied to the channels of ``(N, C, H, W)``."""
    moved: torch.Tensor = layer(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return moved


def _strips_attend(strips: torch.Tensor) -> torch.Tensor:
    """``(N, S, 3 C, L)``: S strips of L pixels, flattened channel-major; to ``(N, S, C, L)``."""
    batch, count, channels, length = strips.shape
    query, key, value = (part.flatten(2) for part in strips.chunk(3, dim=2))
    mixed = _attention(torch.cat([query, key, value], dim=2)[:, None])
    return mixed.reshape(batch, count, channels // 3, length)


def _attention(tokens: torch.Tensor) -> torch.Tensor:
    """Softmax attention of four heads, each an equal consecutive slice of the token."""
    # Tokens ``(N, B, T, 3 L)`` hold query, key and value one behind the other; ``(N, B, T, L)``.
    query, key, value = (_heads(part) for part in tokens.chunk(3, dim=-1))
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    mixed = scores.softmax(dim=-1) @ value
    return mixed.transpose(2, 3).flatten(3)


def _heads(part: torch.Tensor) -> torch.Tensor:
    return torch.unflatten(part, -1, (HEADS, -1)).transpose(2, 3)
