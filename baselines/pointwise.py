"""1 × 1 convolutions that take the fast path on the CPU."""

import torch
from torch import nn

__all__ = ["Pointwise"]


class Pointwise(nn.Conv2d):
    """A 1 × 1 convolution, computed row by row as a batch of rows.

    On one thread PyTorch sends a small batch of 1 × 1 convolutions to a matrix product that, on
    some processors, is half as fast as the convolution library it uses for all else; a batch of 16
    and more goes there. In ``channels_last`` order rows are such a batch without a copy.

    Args:
        inputs: Channels.
        outputs: Channels.
        bias: Whether there is one.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 1, bias=bias)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - nn.Conv2d's own name
        """From ``(N, inputs, H, W)`` to ``(N, outputs, H, W)``."""
        pixels = input.permute(0, 2, 3, 1)
        rows = pixels.flatten(0, 1).unsqueeze(1).permute(0, 3, 1, 2)
        given = super().forward(rows).permute(0, 2, 3, 1)
        return given.reshape(*pixels.shape[:3], self.out_channels).permute(0, 3, 1, 2)
