"""P2IKT: coarse to fine, kernels mixed per pixel with weights that are handed from scale to scale.

Source: Tang et al., Prior and Prediction Inverse Kernel Transformer, AAAI 2024; ``model/P2IKT.py``.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.named import (
    Residual,
    SeveralOutputs,
    named,
    residual,
    unit,
)
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.layers.pointwise import PointwiseLinear, mlp
from defocus.baselines.layers.recurrent import Memory, MixingWeights, enlarged

HEADS = 4


class _Strip(nn.Module):
    """Half of the channels attend along rows, half along columns; then an MLP per pixel."""

    # Source: Tsai et al., Stripformer, ECCV 2022, as the released code uses it.
    # The two kinds register their modules in the released order, hence themselves.

    attention_norm: nn.LayerNorm
    conv_input: nn.Conv2d
    fuse_out: nn.Conv2d
    ffn_norm: nn.LayerNorm
    ffn: nn.Sequential
    PEG: Residual

    def forward(self, features: Tensor) -> Tensor:
        normed = _per_pixel(self.attention_norm, features)
        horizontal, vertical = self.conv_input(normed).chunk(2, dim=1)
        mixed = torch.cat([self._rows(horizontal), self._columns(vertical)], dim=1)
        features = features + self.fuse_out(mixed)
        normed = _per_pixel(self.ffn_norm, features)
        features = features + _per_pixel(self.ffn, normed)
        encoded: Tensor = self.PEG(features)
        return encoded

    def _rows(self, features: Tensor) -> Tensor:
        raise NotImplementedError

    def _columns(self, features: Tensor) -> Tensor:
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

    def _rows(self, features: Tensor) -> Tensor:
        tokens = features.permute(0, 2, 3, 1)  # N, H, W, C: the W pixels of a row
        attended = _attention(self.qkv_local_h(tokens))
        return attended.permute(0, 3, 1, 2)

    def _columns(self, features: Tensor) -> Tensor:
        tokens = features.permute(0, 3, 2, 1)  # N, W, H, C: the H pixels of a column
        attended = _attention(self.qkv_local_v(tokens))
        return attended.permute(0, 3, 2, 1)


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

    def _rows(self, features: Tensor) -> Tensor:
        strips = self.conv_h(features).transpose(1, 2)
        return _strips_attend(strips).transpose(1, 2)

    def _columns(self, features: Tensor) -> Tensor:
        strips = self.conv_v(features).permute(0, 3, 1, 2)
        return _strips_attend(strips).permute(0, 2, 3, 1)


def _position_encoding(channels: int) -> Residual:
    """A depthwise convolution added to its input."""
    return residual(PEG=nn.Conv2d(channels, channels, 3, padding=1, groups=channels))


def _per_pixel(layer: nn.Module, features: Tensor) -> Tensor:
    """A layer on the last axis, applied to the channels of ``(N, C, H, W)``."""
    pixels = features.permute(0, 2, 3, 1)
    moved: Tensor = layer(pixels).permute(0, 3, 1, 2)
    return moved


def _strips_attend(strips: Tensor) -> Tensor:
    """``(N, S, 3 C, L)``: S strips of L pixels, flattened channel-major; to ``(N, S, C, L)``."""
    batch, count, channels, length = strips.shape
    parts = [part.flatten(2) for part in strips.chunk(3, dim=2)]
    tokens = torch.cat(parts, dim=2)
    mixed = _attention(tokens[:, None])
    return mixed.reshape(batch, count, channels // 3, length)


def _attention(tokens: Tensor) -> Tensor:
    """Softmax attention of four heads, each an equal consecutive slice of the token."""
    # Tokens ``(N, B, T, 3 L)`` hold query, key and value one behind the other; ``(N, B, T, L)``.
    by_head = []
    for part in tokens.chunk(3, dim=-1):
        heads = torch.unflatten(part, -1, (HEADS, -1))
        by_head.append(heads.transpose(2, 3))
    query, key, value = by_head
    products = query @ key.transpose(-1, -2)
    scores = products / math.sqrt(query.shape[-1])
    mixed = scores.softmax(dim=-1) @ value
    return mixed.transpose(2, 3).flatten(3)


class Backbone(nn.Module):
    """Features at full resolution; 64 channels, and 160 at a quarter, in the released network."""

    def __init__(self, width: int = 64, deep: int = 160) -> None:
        super().__init__()
        self.encoder = _Encoder(width, deep)
        for number in range(1, 7):
            block = IntraStrip(deep) if number % 2 else InterStrip(deep)
            self.add_module(f"Trans_block_{number}", block)
        self.decoder = _Decoder(width, deep)

    def forward(self, picture: Tensor) -> Tensor:
        """From ``(N, 3, H, W)``, sides multiples of 4, to ``(N, width, H, W)``."""
        deepest, half, full = self.encoder(picture)
        for number in range(1, 7):
            deepest = self.get_submodule(f"Trans_block_{number}")(deepest)
        features: Tensor = self.decoder(deepest, half, full)
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

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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
        self.de_layer3_1 = _activated(
            nn.ConvTranspose2d(deep, width, 4, stride=2, padding=1)
        )
        self.de_layer2_2 = _activated(nn.Conv2d(2 * width, width, 1))
        for number in range(1, 5):
            self.add_module(f"de_block_{number}", _pair(width))
        self.de_layer2_1 = _activated(
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1)
        )
        self.de_layer1_1 = nn.Sequential(
            nn.Conv2d(2 * width, width, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, width, 3, padding=1),
        )
        for number in (2, 3, 4):
            self.add_module(f"de_layer1_{number}", _pair(width))

    def forward(
        self,
        deepest: Tensor,
        half: Tensor,
        full: Tensor,
    ) -> Tensor:
        raised = self.de_layer3_1(deepest)
        features = self.de_layer2_2(torch.cat([raised, half], dim=1))
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


def _residual(pair: nn.Module, features: Tensor) -> Tensor:
    """The pair's result is added before the activation."""
    added: Tensor = features + pair(features)
    return functional.leaky_relu(added, SLOPE)


COUNT = 5
SIZE = 5
SLOPE = 0.2
MIXED = 3 * (COUNT + 1)
"""Channels of the features: three colours times (delta and five inverse Gaussians)."""


def inverse_gaussians() -> Tensor:
    """The released bank ``(6, 5, 5)``: a delta, then |W*/(|W|^2 + 0.01)| of five Gaussians."""
    # Sigma 0.25, 0.5, … 1.25 px on 3, 3, 3, 5, 5 px. The Fourier transform has the kernel's own
    # size and its inverse is not shifted back: the peak's place and the absolute value are the
    # code's. Kernels are zero padded to 5 px after the inversion and not normalised.
    bank = torch.zeros(COUNT + 1, SIZE, SIZE)
    bank[0, SIZE // 2, SIZE // 2] = 1.0
    for index in range(COUNT):
        size = 3 if index < 3 else 5
        sigma_px = 0.25 * (index + 1)
        spectrum = torch.fft.fft2(_gaussian(size, sigma_px))
        power = spectrum.abs().square()
        inverse = torch.fft.ifft2(spectrum.conj() / (power + 0.01))
        edge = (SIZE - size) // 2
        inside = slice(edge, edge + size)
        bank[index + 1, inside, inside] = inverse.abs()
    return bank


def _gaussian(size: int, sigma: float) -> Tensor:
    """A Gaussian of sum 1, ``(size, size)``."""
    place = torch.arange(size) - size // 2
    line = torch.exp(-place.square() / (2 * sigma**2))
    kernel = torch.outer(line, line)
    return kernel / kernel.sum()


class KernelFeatures(nn.Module):
    """The picture filtered by the bank and by its predicted kernel, fused to 18 channels."""

    # ``corrected``: every colour meets all kernels, and has a predicted one of its own. Official
    # weights need the uncorrected form.

    bank: Tensor

    def __init__(self, *, corrected: bool = False) -> None:
        super().__init__()
        self.adaption_conv = _Predictor(corrected=corrected)
        self.transform_conv = unit(nn.Conv2d(3, MIXED, 3, padding=1))
        self.fuse_conv = unit(nn.Conv2d(2 * MIXED, MIXED, 3, padding=1))
        self.Convsout = unit(nn.Conv2d(3, 3, 3, padding=1))
        # In the code each kernel is in three consecutive rows while the convolution has one
        # group of rows per colour, so red meets the first two kernels only, blue the last two.
        bank = inverse_gaussians()
        rows = bank.repeat(3, 1, 1) if corrected else bank.repeat_interleave(3, dim=0)
        self.register_buffer("bank", rows[:, None], persistent=False)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(N, 18, H, W)`` and an auxiliary picture; H, W >= 7."""
        fixed = functional.conv2d(picture, self.bank, padding=SIZE // 2, groups=3)
        adapted = self.transform_conv(self.adaption_conv(picture))
        features = self.fuse_conv(torch.cat([fixed, adapted], dim=1))
        auxiliary = self.Convsout(picture)
        return features, auxiliary


class _Predictor(nn.Module):
    """A 5 x 5 kernel over three colours per picture, and the picture filtered by it."""

    def __init__(self, *, corrected: bool) -> None:
        super().__init__()
        self.corrected = corrected
        taps = SIZE * SIZE
        self.ConvNet = nn.Sequential(
            nn.Conv2d(3, 128, 11, padding=2),
            nn.LeakyReLU(SLOPE),
            nn.AdaptiveAvgPool2d(3),
            nn.Conv2d(128, taps, 1, bias=False),
            nn.LeakyReLU(SLOPE),
            nn.AdaptiveAvgPool2d((3, 1)),
            nn.Conv2d(taps, taps, 1, bias=False),
            nn.Softmax(dim=1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        """The filtered picture, same shape."""
        # The released code reads the memory of ``(N, 25, 3, 1)`` as ``(N, 3, 5, 5)``, so that taps
        # and colours are scrambled, and shows the one resulting channel in all three. Corrected,
        # each colour is filtered by the 25 taps that belong to it.
        predicted = self.ConvNet(picture)
        if self.corrected:
            by_colour = predicted.squeeze(3).transpose(1, 2)
            taps = by_colour.flatten(0, 1)[:, None]
            return _filtered(picture, taps)
        scrambled = predicted.reshape(-1, 3, SIZE * SIZE)
        return _filtered(picture, scrambled).expand_as(picture)


def _filtered(picture: Tensor, taps: Tensor) -> Tensor:
    """Filter each picture by its own kernels, ``(groups, channels of each, 25)``; zeros outside."""
    batch = picture.shape[0]
    size = picture.shape[-2:]
    groups = taps.shape[0]
    together = picture.reshape(1, -1, *size)
    kernels = torch.unflatten(taps, 2, (SIZE, SIZE))
    filtered = functional.conv2d(together, kernels, padding=SIZE // 2, groups=groups)
    return filtered.reshape(batch, -1, *size)


HIDDEN = 12
SCALES = ("quarter", "half", "restored")


class P2IKT(SeveralOutputs):
    """Restores at a quarter, a half and full resolution in turn."""

    # ``width`` is 64 and ``deep``, that of the strip attention, 160 in the released network.

    def __init__(
        self,
        width: int = 64,
        deep: int = 160,
        *,
        corrected: bool = False,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.GCM = KernelFeatures(corrected=corrected)
        self.basemodel = Backbone(width, deep)
        layers = (
            nn.Conv2d(width, HIDDEN, 3, padding=1),
            nn.BatchNorm2d(HIDDEN),
            nn.ReLU(),
        )
        own = named(conv=nn.Sequential(*layers))
        self.APU = MixingWeights(own, width, HIDDEN, bounded=True)
        self.SumLayer = named(conv=nn.Conv2d(2 * MIXED, 3, 1))
        self.SumLayer1 = nn.Conv2d(6, 3, 1)

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """``restored``, ``auxiliary``, ``half`` and ``quarter`` (rounded up); none is clamped."""
        # H, W >= 16; reflected on the right and below to multiples of 16 (at least 32, which the
        # predicted kernel needs at the coarsest scale), cropped back.
        padded = pad_to_multiple(blurry, 32 if min(blurry.shape[-2:]) <= 16 else 16)
        given: dict[str, Tensor] = {}
        previous, memory = None, None
        for name, step in zip(SCALES, (4, 2, 1), strict=True):
            picture = padded[..., ::step, ::step]  # nearest neighbour
            previous = picture if previous is None else enlarged(previous)
            previous, auxiliary, memory = self._scale(picture, previous, memory)
            given[name] = cropped(previous, blurry, step)
        given["auxiliary"] = cropped(auxiliary, blurry)
        return given

    def _scale(
        self,
        picture: Tensor,
        previous: Tensor,
        memory: Memory | None,
    ) -> tuple[Tensor, Tensor, Memory]:
        """One scale: the restored and the auxiliary picture, and what the next scale remembers."""
        weights, memory = self.APU(self.basemodel(picture), memory)
        of_picture, of_previous = (
            tile.tile(1, 3, 1, 1) for tile in weights.chunk(2, dim=1)
        )
        features, own = self.GCM(picture)
        previous_features, before = self.GCM(previous)
        mixed = torch.cat(
            [features * of_picture, previous_features * of_previous],
            dim=1,
        )
        auxiliary = self.SumLayer1(torch.cat([before, own], dim=1))
        restored = self.SumLayer(mixed)
        return picture + restored if self.adds_input else restored, auxiliary, memory
