"""GKMNet, as released first and as updated, with the official state-dict names.

Source: Quan et al., Gaussian Kernel Mixture Network (NeurIPS 2021); csZcWu/GKMNet at 05304e5,
csZcWu/GKMNet_updating at 3830ec1.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad
from defocus.baselines.layers.recurrent import ConvLSTM, Memory, enlarged
from defocus.baselines.systems.gkmnet.backbone import WIDTH, Backbone, conv_norm_relu
from defocus.baselines.systems.gkmnet.kernels import COUNT, GroupedBank, InterleavedBank

__all__ = ["GKMNet"]

MULTIPLE = 16
SCALES = 3


class _Weights(nn.Module):
    """Mixing weights in (-1, 1), gated by a memory at half size (APU)."""

    def __init__(self, width: int, mixed: int) -> None:
        super().__init__()
        convolution = nn.Module()
        convolution.conv = conv_norm_relu(nn.Conv2d(width, mixed, 3, padding=1))
        self.conv = convolution
        self.conv_atten = ConvLSTM(width, mixed)

    def forward(self, features: torch.Tensor, memory: Memory | None) -> tuple[torch.Tensor, Memory]:
        own = self.conv.get_submodule("conv")(features)
        memory = self.conv_atten(functional.avg_pool2d(features, 2), memory)
        gate = functional.interpolate(memory[0], scale_factor=2, mode="nearest")
        return 2 * torch.sigmoid(gate * own + gate) - 1, memory


class _Sum(nn.Module):
    def __init__(self, mixed: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3 * mixed, 3, 1)

    def forward(self, mixed: torch.Tensor) -> torch.Tensor:
        summed: torch.Tensor = self.conv(mixed)
        return summed


class GKMNet(Backbone):
    """From a blurry to the restored picture, from the coarsest of three scales to the finest."""

    # Groupings are the first (``released``) and the second repository's (``updated``): parameters
    # are shaped alike, checkpoints do not convert. ``adds_input``: each scale gives the change to
    # its picture, as in narrow copies; not in the paper.

    def __init__(
        self,
        grouping: Literal["released", "updated"] = "released",
        width: int = WIDTH,
        gaussians: int = COUNT,
        *,
        adds_input: bool = False,
    ) -> None:
        super().__init__(width)
        self.adds_input = adds_input
        self.bank = (GroupedBank if grouping == "released" else InterleavedBank)(gaussians)
        mixed = 2 * (gaussians + 1)  # weights for the blurry picture, then for the scale before
        self.APU = _Weights(width, mixed)
        self.SumLayer = _Sum(mixed)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture; see :meth:`outputs`."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        """The picture restored at three scales: ``restored``, ``half``, ``quarter``, unclamped."""
        # The picture is put in the middle of a black frame, to multiples of 16, and cropped again;
        # the smaller ones are of the padded picture where the sides are no multiples of 16.
        height, width = blurry.shape[-2:]
        below, right = -height % MULTIPLE, -width % MULTIPLE
        top, left = below // 2, right // 2
        full = pad(blurry, (left, right - left, top, below - top), "zeros")
        pyramid = [full]
        for _ in range(SCALES - 1):
            size = (pyramid[-1].shape[-2] // 2, pyramid[-1].shape[-1] // 2)
            pyramid.append(
                functional.interpolate(pyramid[-1], size, mode="bilinear", antialias=True)
            )
        restored, half, quarter = self.restored_scales(pyramid)
        cropped = restored[..., top : top + height, left : left + width]
        return {"restored": cropped, "half": half, "quarter": quarter}

    def restored_scales(self, pyramid: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The same from a pyramid, finest first, with sides of multiples of 16."""
        before = pyramid[-1]
        memory: Memory | None = None
        restored: list[torch.Tensor] = []
        for blurry in reversed(pyramid):
            if restored:
                before = enlarged(restored[-1])
            weights, memory = self.APU(self.features(blurry), memory)
            restored.append(self._mixed(blurry, before, weights))
            memory = (enlarged(memory[0]), enlarged(memory[1]))
        return restored[::-1]

    def _mixed(
        self, blurry: torch.Tensor, before: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        parts = [
            self.bank(picture) * self.bank.spread(own)
            for picture, own in zip((blurry, before), weights.chunk(2, dim=1), strict=True)
        ]
        mixed: torch.Tensor = self.SumLayer(torch.cat(parts, dim=1))
        return blurry + mixed if self.adds_input else mixed
