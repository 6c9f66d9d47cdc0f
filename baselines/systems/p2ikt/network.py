"""P2IKT: coarse to fine, kernels mixed per pixel with weights that are handed from scale to scale.

Source: Tang et al., Prior and Prediction Inverse Kernel Transformer for Single Image Defocus
Deblurring, AAAI 2024; the released ``model/P2IKT.py``.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.layers.recurrent import ConvLSTM, Memory, enlarged
from defocus.baselines.systems.p2ikt.backbone import Backbone
from defocus.baselines.systems.p2ikt.kernels import MIXED, KernelFeatures

__all__ = ["P2IKT"]

HIDDEN = 12
SCALES = ("quarter", "half", "restored")


class P2IKT(nn.Module):
    """Restores at a quarter, a half and full resolution in turn."""

    # ``width`` is 64 and ``deep``, that of the strip attention, 160 in the released network.
    # ``adds_input``: each scale gives the change to its picture, as in narrow copies; not in the
    # paper.

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
        self.APU = _PixelWeights(width)
        self.SumLayer = _Sum()
        self.SumLayer1 = nn.Conv2d(6, 3, 1)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture: ``outputs(blurry)["restored"]``."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        """``restored``, ``auxiliary``, ``half`` and ``quarter`` (rounded up); none is clamped."""
        # H, W >= 16; reflected on the right and below to multiples of 16 (at least 32, which the
        # predicted kernel needs at the coarsest scale), cropped back.
        height, width = blurry.shape[-2:]
        padded = pad_to_multiple(blurry, 32 if min(height, width) <= 16 else 16)
        given: dict[str, torch.Tensor] = {}
        previous, memory = None, None
        for name, step in zip(SCALES, (4, 2, 1), strict=True):
            picture = padded[..., ::step, ::step]  # nearest neighbour
            previous = picture if previous is None else enlarged(previous)
            previous, auxiliary, memory = self._scale(picture, previous, memory)
            given[name] = previous[..., : -(-height // step), : -(-width // step)]
        given["auxiliary"] = auxiliary[..., :height, :width]
        return given

    def _scale(
        self,
        picture: torch.Tensor,
        previous: torch.Tensor,
        memory: Memory | None,
    ) -> tuple[torch.Tensor, torch.Tensor, Memory]:
        """One scale: the restored and the auxiliary picture, and what the next scale remembers."""
        weights, memory = self.APU(self.basemodel(picture), memory)
        of_picture, of_previous = (tile.tile(1, 3, 1, 1) for tile in weights.chunk(2, dim=1))
        features, own = self.GCM(picture)
        previous_features, before = self.GCM(previous)
        mixed = torch.cat([features * of_picture, previous_features * of_previous], dim=1)
        auxiliary = self.SumLayer1(torch.cat([before, own], dim=1))
        restored = self.SumLayer(mixed)
        return picture + restored if self.adds_input else restored, auxiliary, memory


class _PixelWeights(nn.Module):
    """Mixing weights in [-1, 1] from features and a convolutional LSTM across scales."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _ConvNormReLU(width, HIDDEN)
        self.conv_atten = ConvLSTM(width, HIDDEN)

    def forward(self, features: torch.Tensor, memory: Memory | None) -> tuple[torch.Tensor, Memory]:
        """Weights ``(N, 12, H, W)``; hidden and cell state at half resolution."""
        # The memory of the coarser scale comes as it was left and is doubled here; None is zeros.
        if memory is not None:
            memory = (enlarged(memory[0]), enlarged(memory[1]))
        memory = self.conv_atten(functional.avg_pool2d(features, 2), memory)
        attention = functional.interpolate(memory[0], scale_factor=2.0, mode="nearest")
        weights = 2.0 * torch.sigmoid(attention * self.conv(features) + attention) - 1.0
        return weights, memory


class _ConvNormReLU(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        activated: torch.Tensor = self.conv(features)
        return activated


class _Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * MIXED, 3, 1)

    def forward(self, mixed: torch.Tensor) -> torch.Tensor:
        picture: torch.Tensor = self.conv(mixed)
        return picture
