"""NRKNet's blur: atoms made by blurring again and again, mixed per pixel."""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad

__all__ = ["ATOMS", "RecursiveBlur"]

STEPS = 21
ATOMS = STEPS + 1
"""The picture itself, and each step's result."""
COLOURS = 3


class RecursiveBlur(nn.Module):
    """Atoms of a picture: blurred by three symmetric taps per axis, 21 times in a row (GCM)."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.rand(STEPS * COLOURS, 1, 1, 2))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)`` to ``(N, 66, H, W)``, atom by atom, colours in order."""
        outer, middle = self.kernels.unbind(-1)
        taps = torch.stack([outer, middle, outer], dim=-1).softmax(dim=-1)
        atoms = [picture]
        for kernel in torch.split(taps, COLOURS):
            rows = functional.conv2d(pad(atoms[-1], (1, 1, 1, 1)), kernel, groups=COLOURS)
            atoms.append(functional.conv2d(rows, kernel.transpose(-1, -2), groups=COLOURS))
        return torch.cat(atoms, dim=1)
