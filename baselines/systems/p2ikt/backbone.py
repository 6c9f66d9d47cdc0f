"""P2IKT's backbone: encoder, six strip-attention blocks, decoder; 64 features per pixel.

Source of the attention: Tsai et al., Stripformer, ECCV 2022, as P2IKT's released code uses it."""

import math

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.named import Residual, residual
from defocus.baselines.layers.pointwise import PointwiseLinear, mlp

HEADS = 4


class _Strip(nn.Module):
    """Half of the channels attends along rows, half along columns; then an MLP per pixel."""

    # The two kinds register their modules in the released order, hence themselves.

    attention_norm: nn.LayerNorm
    conv_input: nn.Conv2d
    fuse_out: nn.Conv2d
    ffn_norm: nn.LayerNorm
    ffn: nn.Sequential
    PEG: Residual

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
        self.ffn = mlp(channels)
        self.PEG = _position_encoding(channels)

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
        self.ffn = mlp(channels)
        self.fuse_out = nn.Conv2d(channels, channels, 1)
        self.PEG = _position_encoding(channels)

    def _rows(self, features: torch.Tensor) -> torch.Tensor:
        return _strips_attend(self.conv_h(features).transpose(1, 2)).transpose(1, 2)

    def _columns(self, features: torch.Tensor) -> torch.Tensor:
        strips = self.conv_v(features).permute(0, 3, 1, 2)
        return _strips_attend(strips).permute(0, 2, 3, 1)


def _position_encoding(channels: int) -> Residual:
    """A depthwise convolution added to its input."""
    return residual(PEG=nn.Conv2d(channels, channels, 3, padding=1, groups=channels))


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
    parts = (torch.unflatten(part, -1, (HEADS, -1)) for part in tokens.chunk(3, dim=-1))
    query, key, value = (part.transpose(2, 3) for part in parts)
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    mixed = scores.softmax(dim=-1) @ value
    return mixed.transpose(2, 3).flatten(3)


SLOPE = 0.2


class Backbone(nn.Module):
    """Features at full resolution; 64 channels, and 160 at a quarter, in the released network."""

    def __init__(self, width: int = 64, deep: int = 160) -> None:
        super().__init__()
        self.encoder = _Encoder(width, deep)
        for number in range(1, 7):
            block = IntraStrip(deep) if number % 2 else InterStrip(deep)
            self.add_module(f"Trans_block_{number}", block)
        self.decoder = _Decoder(width, deep)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)``, sides multiples of 4, to ``(N, width, H, W)``."""
        deepest, half, full = self.encoder(picture)
        for number in range(1, 7):
            deepest = self.get_submodule(f"Trans_block_{number}")(deepest)
        features: torch.Tensor = self.decoder(deepest, half, full)
        return features


class _Encoder(nn.Module):
    def __init__(self, width: int, deep: int) -> None:
        super().__init__()
        self.en_layer1_1 = _activated(nn.Conv2d(3, width, 3, padding=1))
        for number in (2, 3, 4):
            self.add_module(f"en_layer1_{number}", _pair(width))
        self.en_layer2_1 = _activated(nn.Conv2d(width, width, 3, stride=2, padding=1))
        for number in (2, 3, 4):
            self.add_module(f"en_layer2_{number}", _pair(width))
        self.en_layer3_1 = _activated(nn.Conv2d(width, deep, 3, stride=2, padding=1))

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features at a quarter, half and full resolution."""
        full = self.en_layer1_1(picture)
        for number in (2, 3, 4):
            full = _residual(self.get_submodule(f"en_layer1_{number}"), full)
        half = self.en_layer2_1(full)
        for number in (2, 3, 4):
            half = _residual(self.get_submodule(f"en_layer2_{number}"), half)
        return self.en_layer3_1(half), half, full


class _Decoder(nn.Module):
    def __init__(self, width: int, deep: int) -> None:
        super().__init__()
        self.de_layer3_1 = _activated(nn.ConvTranspose2d(deep, width, 4, stride=2, padding=1))
        self.de_layer2_2 = _activated(nn.Conv2d(2 * width, width, 1))
        for number in range(1, 5):
            self.add_module(f"de_block_{number}", _pair(width))
        self.de_layer2_1 = _activated(nn.ConvTranspose2d(width, width, 4, stride=2, padding=1))
        self.de_layer1_1 = nn.Sequential(
            nn.Conv2d(2 * width, width, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, width, 3, padding=1),
        )
        for number in (2, 3, 4):
            self.add_module(f"de_layer1_{number}", _pair(width))

    def forward(
        self, deepest: torch.Tensor, half: torch.Tensor, full: torch.Tensor
    ) -> torch.Tensor:
        features = self.de_layer2_2(torch.cat([self.de_layer3_1(deepest), half], dim=1))
        for number in range(1, 5):
            features = _residual(self.get_submodule(f"de_block_{number}"), features)
        up = self.de_layer2_1(features)
        fused = self.de_layer1_1(torch.cat([up, full], dim=1))
        features = functional.leaky_relu(up + fused, SLOPE)
        for number in (2, 3, 4):
            features = _residual(self.get_submodule(f"de_layer1_{number}"), features)
        return features


def _activated(layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(layer, nn.LeakyReLU(SLOPE))


def _pair(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(channels, channels, 3, padding=1),
    )


def _residual(pair: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """The pair's result is added before the activation."""
    activated: torch.Tensor = functional.leaky_relu(features + pair(features), SLOPE)
    return activated
