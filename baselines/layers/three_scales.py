"""The U of SFNet, FSNet, FocalNet, IRNeXt, OKNet and ConvIR, with their official state-dict names.

Source: Cho et al., Rethinking Coarse-to-Fine Approach (MIMO-UNet), ICCV 2021."""

from collections.abc import Callable, Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from defocus.baselines.layers.named import (
    Residual,
    SeveralOutputs,
    named,
    residual,
    unit,
)
from defocus.baselines.layers.padding import cropped, pad_to_multiple


def block_row(blocks: Iterable[nn.Module]) -> nn.Sequential:
    """The blocks that an encoder or a decoder has at one size."""
    return named(layers=nn.Sequential(*blocks))


def zero_padded(
    inputs: int,
    outputs: int,
    size: int = 3,
    *,
    stride: int = 1,
    activated: bool = True,
) -> nn.Sequential:
    """A convolution with zeros outside and a bias, and GELU after it if it is activated."""
    convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2)
    return unit(convolution, nn.GELU()) if activated else unit(convolution)


def reflecting(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """A 3 × 3 convolution, reflection outside, no bias."""
    return nn.Conv2d(
        inputs,
        outputs,
        3,
        stride=stride,
        padding=1,
        padding_mode="reflect",
        bias=False,
    )


def doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A transposed convolution to twice the size, no bias."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def reflecting_residual(channels: int) -> Residual:
    """Two reflecting convolutions with ReLU between them."""
    first = reflecting(channels, channels)
    second = reflecting(channels, channels)
    return residual(main=nn.Sequential(unit(first, nn.ReLU()), unit(second)))


def zero_padded_residual(channels: int, *between: nn.Module) -> Residual:
    """Two zero-padded convolutions with GELU, and perhaps more, between them."""
    first = zero_padded(channels, channels)
    last = zero_padded(channels, channels, activated=False)
    return residual(main=nn.Sequential(first, *between, last))


COLOURS = 3

StageMaker = Callable[[int, bool], nn.Module]
"""Makes the blocks of an encoder or a decoder from their number of channels, and from whether they
work at full size."""


class ThreeScales(SeveralOutputs):
    """From a blurry picture to the one restored at full, half and quarter size."""

    # ``width`` is the number of channels at full size; each halving doubles it.

    multiple: ClassVar[int]
    """Sides of pictures are padded to multiples of this."""
    smallest_px: int
    """Smallest side of a picture, px; below it a layer runs out of pixels."""

    def __init__(self, width: int, stage: StageMaker) -> None:
        super().__init__()
        half = 2 * width
        quarter = 4 * width
        self.Encoder = nn.ModuleList(
            [stage(width, True), stage(half, False), stage(quarter, False)]
        )
        self.feat_extract = nn.ModuleList(
            [
                zero_padded(COLOURS, width),
                zero_padded(width, half, stride=2),
                zero_padded(half, quarter, stride=2),
                _doubling(quarter, half),
                _doubling(half, width),
                zero_padded(width, COLOURS, activated=False),
            ]
        )
        self.Decoder = nn.ModuleList(
            [stage(quarter, False), stage(half, False), stage(width, True)]
        )
        self.Convs = nn.ModuleList(
            [zero_padded(quarter, half, 1), zero_padded(half, width, 1)]
        )
        self.ConvsOut = nn.ModuleList(
            [zero_padded(wide, COLOURS, activated=False) for wide in (quarter, half)]
        )
        self.FAM1 = _Merge(quarter)
        self.SCM1 = _shallow(quarter)
        self.FAM2 = _Merge(half)
        self.SCM2 = _shallow(half)

    def bottleneck(self, features: Tensor) -> Tensor:
        """Layers between encoder and decoder, ``(N, 4 width, H, W)``; here none."""
        return features

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """The picture restored at three scales: ``restored``, ``half``, ``quarter``."""
        # They are not clamped; the smaller ones are rounded up to whole pixels.
        padded = pad_to_multiple(blurry, self.multiple, least=self.smallest_px)
        full = padded.contiguous(memory_format=torch.channels_last)
        half = full[..., ::2, ::2]
        quarter = full[..., ::4, ::4]
        first, second, features = self._encoded(full, half, quarter)
        coarse = self.ConvsOut[0](features) + quarter
        joined = self._raised(3, features, second)
        features = self.Decoder[1](self.Convs[0](joined))
        middle = self.ConvsOut[1](features) + half
        joined = self._raised(4, features, first)
        decoded = self.Decoder[2](self.Convs[1](joined))
        fine = self.feat_extract[5](decoded) + full
        return {
            "restored": cropped(fine, blurry),
            "half": cropped(middle, blurry, 2),
            "quarter": cropped(coarse, blurry, 4),
        }

    def _raised(
        self,
        layer: int,
        features: Tensor,
        skip: Tensor,
    ) -> Tensor:
        """Features at twice the size, with those of the encoder at that size."""
        raised = self.feat_extract[layer](features)
        return torch.cat([raised, skip], dim=1)

    def _encoded(
        self,
        full: Tensor,
        half: Tensor,
        quarter: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Features of the picture, of its half, and of its quarter behind the first decoder."""
        first = self.Encoder[0](self.feat_extract[0](full))
        halved = self.feat_extract[1](first)
        second = self.Encoder[1](self.FAM2(halved, self.SCM2(half)))
        quartered = self.feat_extract[2](second)
        third = self.Encoder[2](self.FAM1(quartered, self.SCM1(quarter)))
        deepest = self.bottleneck(third)
        return first, second, self.Decoder[0](deepest)


def _shallow(channels: int) -> nn.Sequential:
    """Features of a smaller picture itself."""
    few = channels // 4
    some = channels // 2
    return unit(
        zero_padded(COLOURS, few),
        zero_padded(few, some, 1),
        zero_padded(some, some),
        zero_padded(some, channels, 1, activated=False),
        nn.InstanceNorm2d(channels, affine=True),
    )


class _Merge(nn.Module):
    """Merges the features of the larger scale with those of the smaller picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.merge = zero_padded(2 * channels, channels, activated=False)

    def forward(self, features: Tensor, shallow: Tensor) -> Tensor:
        merged: Tensor = self.merge(torch.cat([features, shallow], dim=1))
        return merged


def _doubling(inputs: int, outputs: int) -> nn.Sequential:
    return unit(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.GELU())
