"""JDRL's plain U-Net, with the state-dict names of the released ``VGG_Deblur``.

Source: JDRL (AAAI 2023), Table 6; where the released code differs (2 × 2 convolutions after the
upsampling, nearest neighbour, the 64-level skip after the dropout) the code is followed, since its
weights need it.
"""

from collections import OrderedDict
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

__all__ = ["UNet"]

MULTIPLE = 16  # four poolings by 2
DROPOUT = 0.4


class UNet(nn.Module):
    """From a blurry to the restored picture; no residual from the input, a sigmoid at the end.

    Args:
        colour_order: What the first and last convolution mean by channel 0. Ours are trained with
            ``rgb``. The released weights need ``bgr``: the official pipeline reads with OpenCV and
            never swaps. Input and output are RGB either way.
    """

    def __init__(self, colour_order: Literal["rgb", "bgr"] = "rgb") -> None:
        super().__init__()
        self.colour_order = colour_order
        self.encoder = nn.Sequential(
            OrderedDict(
                block1=_double(3, 64),
                block2=_double(64, 128),
                block3=_double(128, 256),
                block4=_double(256, 512),
                block5=_double(512, 1024),
            )
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.up6, self.block6 = _up(1024, 512), _double(1024, 512)
        self.up7, self.block7 = _up(512, 256), _double(512, 256)
        self.up8, self.block8 = _up(256, 128), _double(256, 128)
        self.up9, self.block9 = _up(128, 64), _double(128, 64)
        self.out = nn.Sequential(nn.Conv2d(64, 3, 3, padding="same"), nn.Sigmoid())
        self.apply(_initialise)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture.

        Args:
            blurry: ``(N, 3, H, W)`` float32 RGB in [0, 1], H, W >= 16. Padded by reflection on the
                right and below to multiples of 16, and cropped again.

        Returns:
            Same shape, in (0, 1).
        """
        height, width = blurry.shape[-2:]
        below, right = -height % MULTIPLE, -width % MULTIPLE
        padded = functional.pad(blurry, (0, right, 0, below), mode="reflect")
        if self.colour_order == "bgr":
            return self._decode(self._encode(padded.flip(1))).flip(1)[..., :height, :width]
        return self._decode(self._encode(padded))[..., :height, :width]

    def _encode(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Features of the five levels, finest first."""
        levels: list[torch.Tensor] = []
        features = picture
        for number, block in enumerate(self.encoder.children(), start=1):
            features = block(functional.max_pool2d(features, 2) if levels else features)
            if number >= 4:  # before the skip is taken, as the released code has it
                features = self.dropout(features)
            levels.append(features)
        return levels

    def _decode(self, levels: list[torch.Tensor]) -> torch.Tensor:
        features = levels[-1]
        decoder = (
            (self.up6, self.block6),
            (self.up7, self.block7),
            (self.up8, self.block8),
            (self.up9, self.block9),
        )
        for (up, block), skip in zip(decoder, reversed(levels[:-1]), strict=True):
            features = block(torch.cat([up(features), skip], dim=1))
        restored: torch.Tensor = self.out(features)
        return restored


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding="same"),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding="same"),
        nn.ReLU(inplace=True),
    )


class _Conv2x2(nn.Conv2d):
    """A 2 × 2 convolution that keeps the size: one row of zeros below, one column on the right."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 2)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - nn.Conv2d's own name
        return super().forward(functional.pad(input, (0, 1, 0, 1)))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the size; no activation, unlike DPDNet."""
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), _Conv2x2(inputs, outputs))


def _initialise(module: nn.Module) -> None:
    """He's initialisation by fan-out for the weights; biases keep PyTorch's uniform default."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
