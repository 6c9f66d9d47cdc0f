"""NRKNet's backbone: a plain residual U; its convolutions reflect at the border, without bias."""

import torch
from torch import nn

__all__ = ["Backbone", "reflecting"]

WIDTHS = (64, 128, 256)


def reflecting(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """A 3 × 3 convolution, reflection outside, no bias."""
    return nn.Conv2d(
        inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect", bias=False
    )


class _Unit(nn.Module):
    """A convolution, and ReLU if there is one, under their official name."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        given: torch.Tensor = self.main(features)
        return given


class _Residual(_Unit):
    def __init__(self, channels: int) -> None:
        super().__init__(
            _Unit(reflecting(channels, channels), nn.ReLU()), _Unit(reflecting(channels, channels))
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + super().forward(features)


class _Residuals(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(_Residual(channels))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        given: torch.Tensor = self.layers(features)
        return given


class Backbone(nn.Module):
    """From a picture to 64 features per pixel; additive skips."""

    def add_backbone(self) -> None:
        """Register the layers, in the official order, after what comes before them."""
        finest, middle, coarsest = WIDTHS
        self.Encoder = nn.ModuleList(map(_Residuals, WIDTHS))
        self.Decoder = nn.ModuleList(map(_Residuals, reversed(WIDTHS)))
        self.bottleneck = nn.Sequential(
            _Unit(reflecting(coarsest, coarsest), nn.ReLU()), _Residuals(coarsest)
        )
        self.feat_extract = nn.ModuleList(
            [
                _Unit(reflecting(3, finest), nn.ReLU()),
                _Unit(reflecting(finest, middle, stride=2), nn.ReLU()),
                _Unit(reflecting(middle, coarsest, stride=2), nn.ReLU()),
                _Unit(_doubling(coarsest, middle), nn.ReLU()),
                _Unit(_doubling(middle, finest), nn.ReLU()),
            ]
        )

    def features(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)`` to ``(N, 64, H, W)``; H and W multiples of 4, at least 8."""
        features = picture.contiguous(memory_format=torch.channels_last)
        skips = []
        for extract, encoder in zip(self.feat_extract[:3], self.Encoder, strict=True):
            features = encoder(extract(features))
            skips.append(features)
        features = self.Decoder[0](skips.pop() + self.bottleneck(features))
        for extract, decoder in zip(self.feat_extract[3:], self.Decoder[1:], strict=True):
            features = decoder(skips.pop() + extract(features))
        decoded: torch.Tensor = features
        return decoded


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
