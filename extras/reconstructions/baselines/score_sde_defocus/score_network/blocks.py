"""Blocks of NCSN++ with the official state-dict names (score_sde_pytorch at cb1f359, layerspp.py).

Source: Song et al., Score-Based Generative Modeling through SDEs (ICLR 2021), appendix H."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.extras.reconstructions.baselines.score_sde_defocus.score_network.resampling import (
    doubled,
    halved,
)

EPSILON = 1e-6
LARGEST_GROUPS = 32
NOTHING = 1e-10
"""Variance of the last convolution of a block at the start: the block gives its input."""


def convolution(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    *,
    variance: float = 1.0,
) -> nn.Conv2d:
    """A convolution of the same size, its weights uniform with a variance over the mean fan."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(layer.weight, math.sqrt(variance))
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def dense(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer, drawn the same way."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def group_norm(channels: int) -> nn.GroupNorm:
    """Groups of four channels, 32 groups at most."""
    return nn.GroupNorm(min(channels // 4, LARGEST_GROUPS), channels, eps=EPSILON)


class Waves(nn.Module):
    """Random Fourier features of a logarithm of noise; fixed."""

    def __init__(self, count: int, scale: float = 16.0) -> None:
        super().__init__()
        self.W = nn.Parameter(scale * torch.randn(count), requires_grad=False)

    def forward(self, logarithm: Tensor) -> Tensor:
        """From ``(N,)`` to ``(N, 2 count)``."""
        angle = 2 * math.pi * logarithm[:, None] * self.W
        return torch.cat([angle.sin(), angle.cos()], dim=-1)


class Residual(nn.Module):
    """BigGAN's residual block, conditioned on the noise; both paths are resampled."""

    # ``conditions``: length of the conditioning vector. ``resampling``: change of the size in the
    # block.

    def __init__(
        self,
        inputs: int,
        outputs: int,
        conditions: int,
        resampling: Literal["none", "halve", "double"] = "none",
    ) -> None:
        super().__init__()
        self.resampling = resampling
        self.GroupNorm_0 = group_norm(inputs)
        self.Conv_0 = convolution(inputs, outputs)
        self.Dense_0 = dense(conditions, outputs)
        self.GroupNorm_1 = group_norm(outputs)
        self.Conv_1 = convolution(outputs, outputs, variance=NOTHING)
        changed = inputs != outputs or resampling != "none"
        self.Conv_2 = convolution(inputs, outputs, 1) if changed else None

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """From ``(N, inputs, H, W)`` and ``(N, conditions)``."""
        change = self._resampled(functional.silu(self.GroupNorm_0(features)))
        change = (
            self.Conv_0(change)
            + self.Dense_0(functional.silu(condition))[..., None, None]
        )
        change = self.Conv_1(functional.silu(self.GroupNorm_1(change)))
        kept = self._resampled(features)
        if self.Conv_2 is not None:
            kept = self.Conv_2(kept)
        given: Tensor = (kept + change) / math.sqrt(2)
        return given

    def _resampled(self, features: Tensor) -> Tensor:
        if self.resampling == "none":
            return features
        return halved(features) if self.resampling == "halve" else doubled(features)


class _Mixing(nn.Module):
    """A linear layer over channels, with its weight transposed."""

    def __init__(self, channels: int, variance: float = 0.1) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.empty(channels, channels))
        self.b = nn.Parameter(torch.zeros(channels))
        nn.init.xavier_uniform_(self.W, math.sqrt(variance))

    def forward(self, pixels: Tensor) -> Tensor:
        """From ``(N, L, C)`` to the same shape."""
        return pixels @ self.W + self.b


class Attention(nn.Module):
    """Attention among all pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.GroupNorm_0 = group_norm(channels)
        self.NIN_0 = _Mixing(channels)
        self.NIN_1 = _Mixing(channels)
        self.NIN_2 = _Mixing(channels)
        self.NIN_3 = _Mixing(channels, NOTHING)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        pixels = self.GroupNorm_0(features).flatten(2).transpose(1, 2)
        attended = functional.scaled_dot_product_attention(
            self.NIN_0(pixels),
            self.NIN_1(pixels),
            self.NIN_2(pixels),
        )
        change = self.NIN_3(attended).transpose(1, 2)
        given: Tensor = (features + change.reshape(features.shape)) / math.sqrt(2)
        return given


class Combination(nn.Module):
    """The small picture enters the features of its size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.Conv_0 = convolution(3, channels, 1)

    def forward(self, picture: Tensor, features: Tensor) -> Tensor:
        """Both in one size."""
        combined: Tensor = self.Conv_0(picture) + features
        return combined
