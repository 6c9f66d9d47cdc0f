"""P2IKT's backbone: encoder, six strip-attention blocks, decoder; 64 features per pixel."""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.systems.p2ikt.strips import InterStrip, IntraStrip

__all__ = ["Backbone"]

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
