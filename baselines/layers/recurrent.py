"""Recurrent memory across scales, shared by GKMNet, NRKNet, P2IKT and INIKNet."""

from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL = 5

Memory: TypeAlias = tuple[Tensor, Tensor]
"""Hidden state and cell."""


class ConvLSTM(nn.Module):
    """A convolutional LSTM cell."""

    # Source: Shi et al., Convolutional LSTM (NeurIPS 2015), eq. 3 without peepholes.

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.conv = nn.Conv2d(inputs + hidden, 4 * hidden, KERNEL, padding=KERNEL // 2)

    def forward(self, features: Tensor, memory: Memory | None) -> Memory:
        """The new hidden state and cell, ``(N, hidden, H, W)``; None at the first scale."""
        if memory is None:
            count, _, height, width = features.shape
            nothing = features.new_zeros(count, self.hidden, height, width)
            memory = (nothing, nothing)
        state, cell = memory
        gates = self.conv(torch.cat([features, state], dim=1))
        return next_memory(gates, cell)


def next_memory(gates: Tensor, cell: Tensor) -> Memory:
    """The memory after a step; gates ``(N, 4 hidden, H, W)`` take, forget, give, then content."""
    *shares, content = gates.chunk(4, dim=1)
    take, forget, give = (share.sigmoid() for share in shares)
    cell = forget * cell + take * content.tanh()
    state = give * cell.tanh()
    return state, cell


class MixingWeights(nn.Module):
    """Weights of kernels from features, gated by a memory at half size (APU)."""

    # ``bounded`` ones are in (-1, 1).

    def __init__(
        self,
        conv: nn.Module,
        inputs: int,
        hidden: int,
        *,
        bounded: bool,
    ) -> None:
        super().__init__()
        self.conv = conv
        self.bounded = bounded
        self.conv_atten = ConvLSTM(inputs, hidden)

    def forward(
        self,
        features: Tensor,
        memory: Memory | None,
    ) -> tuple[Tensor, Memory]:
        """Weights, and the memory for the next scale, which is twice as large."""
        if memory is not None:
            memory = (enlarged(memory[0]), enlarged(memory[1]))
        own = self.conv(features)
        memory = self.conv_atten(functional.avg_pool2d(features, 2), memory)
        gate = functional.interpolate(memory[0], scale_factor=2, mode="nearest")
        weights = gate * own + gate
        if self.bounded:
            weights = 2 * torch.sigmoid(weights) - 1
        return weights, memory


def enlarged(picture: Tensor) -> Tensor:
    """Enlarge to twice the size, bilinearly."""
    return functional.interpolate(
        picture,
        scale_factor=2,
        mode="bilinear",
        align_corners=False,
    )
