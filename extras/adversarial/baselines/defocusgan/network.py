"""DefocusGAN's generator, with the state-dict names of the released ``KernelEDNet``.

Source: DefocusGAN (AAAI 2023); the released ``models/MS_Unet.py``."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.extras.adversarial.baselines.defocusgan.branches import (
    add_layers,
    branch,
    pooled_to,
)

MULTIPLE = 16  # H / 8 at the coarsest scale, halved once more there
KERNEL_SIZES = (1, 4, 7, 10)
BOUNDS = (0.0, 1.9, 4.2, 6.2, math.inf)
"""Radii of blur, px: branch i is meant for [BOUNDS[i], BOUNDS[i + 1])."""
MASKED_ITERATIONS = 20_000
"""Number of iterations in which the branches are held to their own blur; the official code's
``MAX_TRAINNUM``."""

_Merge = Callable[[list[Tensor]], Tensor]


class Generator(nn.Module):
    """Restores at full resolution, then at 1/4 and 1/8 of the result, and fuses the three."""

    # ``channels``: number of channels of all features; 64 in the released network. ``adds_input``:
    # whether the network gives the change to the picture, as narrow copies do; not in the paper.

    def __init__(self, channels: int = 64, *, adds_input: bool = False) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.head = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.ReLU())
        self.tail_hard = nn.Sequential(nn.Conv2d(channels, 3, 3, padding=1))
        self.connect = _unused(channels)
        self.connect2 = _unused(channels)
        self.unetdown4 = _Down(channels, 4)
        self.unetdown2 = _Down(channels, 2)
        self.unetup2 = _Fuse(channels)
        self.unetup4 = _Up4(channels)
        add_layers(self, channels, KERNEL_SIZES)

    def forward(self, blurry: Tensor) -> Tensor:
        """The restored picture: ``outputs(blurry)["restored"]``."""
        return self.outputs(blurry)["restored"]

    def outputs(
        self,
        blurry: Tensor,
        *,
        defocus_map: Tensor | None = None,
        iteration: int = MASKED_ITERATIONS,
    ) -> dict[str, Tensor]:
        """``restored`` in (0, 1), and its ``logits`` (BGR), or what is added to the picture.

        After ``iteration`` 20,000, as at test time, branches are not held to their own blur."""
        height, width = blurry.shape[-2:]
        picture = pad_to_multiple(blurry, MULTIPLE).flip(1)
        merges: list[_Merge] = [_sum] * 3
        if defocus_map is not None and iteration < MASKED_ITERATIONS:
            radius = pad_to_multiple(defocus_map, MULTIPLE).abs() / 2
            progress = 2 * iteration / MASKED_ITERATIONS
            weight = math.exp(-(progress**2))
            merges = []
            for step in (1, 4, 8):
                smaller = radius[..., ::step, ::step]
                merges.append(_masked(smaller, weight))
        logits = self._logits(picture, *merges)[..., :height, :width]
        change = logits if self.adds_input else torch.sigmoid(logits)
        restored = change.flip(1)
        if self.adds_input:
            restored = blurry + restored
        return {"restored": restored, "logits": logits}

    def _logits(
        self,
        picture: Tensor,
        merge: _Merge,
        merge4: _Merge,
        merge8: _Merge,
    ) -> Tensor:
        head = self.head(picture)
        count = range(len(KERNEL_SIZES))
        full = merge([self._full_scale(head, index) for index in count])
        quarter = self.unetdown4(full)
        total4 = merge4([self._quarter_scale(quarter, index) for index in count])
        eighth = self.unetdown2(total4)
        merged8 = merge8([self._eighth_scale(eighth, index) for index in count])
        up2 = self.unetup2(quarter, merged8 + eighth)
        up4 = self.unetup4(total4 + up2)
        logits: Tensor = self.tail_hard(head + up4 + full)
        return logits

    def _layer(self, number: int, index: int, features: Tensor) -> Tensor:
        given: Tensor = branch(self, number, index)(features)
        return given

    def _full_scale(self, head: Tensor, index: int) -> Tensor:
        """One branch through all eight layers; the third layer has no skip."""
        one = self._layer(1, index, head)
        two = self._layer(2, index, one + pooled_to(head, one))
        three = self._layer(3, index, two + pooled_to(head, two))
        four = self._layer(4, index, three + pooled_to(head, three))
        five = self._layer(5, index, four + pooled_to(head, four))
        six = self._layer(6, index, five + pooled_to(head, three))
        with_two = six + two
        seven = self._layer(7, index, with_two + pooled_to(head, six))
        with_one = seven + one
        return self._layer(8, index, with_one + pooled_to(head, seven))

    def _quarter_scale(self, features: Tensor, index: int) -> Tensor:
        one = self._layer(1, index, features)
        two = self._layer(2, index, one + pooled_to(features, one))
        seven = self._layer(7, index, two + pooled_to(features, two))
        with_one = seven + one
        return self._layer(8, index, with_one + pooled_to(features, seven))

    def _eighth_scale(self, features: Tensor, index: int) -> Tensor:
        one = self._layer(1, index, features)
        return self._layer(7, index, one + pooled_to(features, one))


def _sum(branches: list[Tensor]) -> Tensor:
    return torch.stack(branches).sum(dim=0)


def _masked(radius: Tensor, weight: float) -> _Merge:
    """The sum of the branches, each weakened outside its range of blur radii."""

    def merge(branches: list[Tensor]) -> Tensor:
        total = torch.zeros_like(branches[0])
        for low, high, features in zip(BOUNDS, BOUNDS[1:], branches, strict=False):
            in_range = (radius >= low) & (radius < high)
            inside = in_range.to(features.dtype)
            share = weight * inside + (1 - weight)
            total = total + share * features
        return total

    return merge


def _unused(channels: int) -> nn.Conv2d:
    """Layers of the released state dict that no forward pass uses."""
    layer = nn.Conv2d(channels, channels, 3, padding=1)
    return layer.requires_grad_(False)


class _DoubleConv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.ReLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        given: Tensor = self.double_conv(features)
        return given


class _Down(nn.Module):
    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(
            nn.MaxPool2d(factor),
            _DoubleConv(channels, channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        given: Tensor = self.maxpool_conv(features)
        return given


class _Fuse(nn.Module):
    """The coarser scale, doubled with aligned corners, behind the finer one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = _DoubleConv(2 * channels, channels)

    def forward(self, finer: Tensor, coarser: Tensor) -> Tensor:
        doubled = functional.interpolate(
            coarser,
            scale_factor=2.0,
            mode="bilinear",
            align_corners=True,
        )
        given: Tensor = self.conv(torch.cat([finer, doubled], dim=1))
        return given


class _Up4(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(channels, channels, 2, stride=2),
            _DoubleConv(channels, channels),
            nn.ConvTranspose2d(channels, channels, 2, stride=2),
        )

    def forward(self, features: Tensor) -> Tensor:
        given: Tensor = self.up(features)
        return given
