"""GGKMNet, rebuilt from its abstract on GKMNet's parts.

Source: Quan et al., Gaussian Kernel Mixture Learning (TPAMI 2024)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.layers.recurrent import ConvLSTM, Memory, enlarged
from defocus.baselines.systems.gkmnet.network import (
    COUNT,
    WIDTH,
    Backbone,
    InterleavedBank,
)

MULTIPLE = 16
SCALES = 3
GROUPS = 3
STEPS = 2
LARGEST_STEP = 1.5
UNIT_LOGIT = -math.log(LARGEST_STEP - 1)
"""Logit that the sigmoid turns into a step of 1."""
DELTA_LOGIT = 5.0
"""Logit that the softmax turns into a kernel that is nearly a delta."""
COLOURS = 3


class Mixture(nn.Module):
    """Shares of the delta and of the Gaussians in each pixel, from few maps.

    Full-size gates decide between three groups (and the delta), half-size coefficients within."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.gates = nn.Conv2d(width, 1 + GROUPS, 3, padding=1)
        self.coefficients = nn.Conv2d(width, COUNT, 3, padding=1)

    def forward(self, features: Tensor, half: Tensor) -> Tensor:
        """Shares ``(N, 22, H, W)``, >= 0 and 1 together, from features of full and half size."""
        weights = self.gates(features).softmax(dim=1)
        delta, *gates = weights.split(1, dim=1)
        by_group = self.coefficients(half).unflatten(1, (GROUPS, -1))
        within = by_group.softmax(dim=2).flatten(1, 2)
        shares = enlarged(within).chunk(GROUPS, dim=1)
        grouped = [gate * share for gate, share in zip(gates, shares, strict=True)]
        return torch.cat([delta, *grouped], dim=1)


class GGKMNet(Backbone):
    """From a blurry to the restored picture, from the coarsest of three scales to the finest."""

    # ``width``: features per pixel. ``repeats_input``: whether the first weights nearly give the
    # input.

    def __init__(self, width: int = WIDTH, *, repeats_input: bool = False) -> None:
        super().__init__(width)
        self.bank = InterleavedBank()
        self.memory = ConvLSTM(width, width)
        self.mixture = Mixture(width)
        self.step = nn.Conv2d(width, 1, 3, padding=1)
        self.refine = nn.Conv2d(2 * COLOURS, COLOURS, 3, padding=1)
        if repeats_input:
            for layer in (self.mixture.gates, self.step, self.refine):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            nn.init.constant_(self.mixture.gates.bias[:1], DELTA_LOGIT)  # type: ignore[index]
            nn.init.constant_(self.step.bias, UNIT_LOGIT)  # type: ignore[arg-type]

    def forward(self, blurry: Tensor) -> Tensor:
        """The restored picture; see :meth:`outputs`."""
        return self.outputs(blurry)["restored"]

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """The picture restored at three scales, not clamped: ``restored``, ``half``, ``quarter``.

        The smaller ones are of the padded picture where the sides are no multiples of 16."""
        height, width = blurry.shape[-2:]
        pyramid = [pad_to_multiple(blurry, MULTIPLE)]
        for _ in range(SCALES - 1):
            pyramid.append(functional.avg_pool2d(pyramid[-1], 2))
        restored: list[Tensor] = []
        memory: Memory | None = None
        for picture in reversed(pyramid):
            before = enlarged(restored[-1]) if restored else picture
            memory = (enlarged(memory[0]), enlarged(memory[1])) if memory else None
            one, memory = self._restored(picture, before, memory)
            restored.append(one)
        quarter, half, full = restored
        return {
            "restored": full[..., :height, :width],
            "half": half,
            "quarter": quarter,
        }

    def _restored(
        self,
        blurry: Tensor,
        sharper: Tensor,
        memory: Memory | None,
    ) -> tuple[Tensor, Memory]:
        """One scale, from the picture of the coarser one."""
        features = self.features(blurry)
        memory = self.memory(functional.avg_pool2d(features, 2), memory)
        shares = self.mixture(features, memory[0])
        step = LARGEST_STEP * self.step(features).sigmoid()
        for _ in range(STEPS):
            rest = blurry - self.blurred(sharper, shares)
            sharper = sharper + step * rest
        both = torch.cat([sharper, blurry], dim=1)
        restored = sharper + self.refine(both)
        return restored, memory

    def blurred(self, sharp: Tensor, shares: Tensor) -> Tensor:
        """Sum over the bank of share ``(N, 22, H, W)`` x (kernel * picture ``(N, 3, H, W)``)."""
        weighed: Tensor = self.bank(sharp) * self.bank.spread(shares)
        by_kernel = torch.split(weighed, COLOURS, dim=1)
        return torch.stack(by_kernel).sum(0)
