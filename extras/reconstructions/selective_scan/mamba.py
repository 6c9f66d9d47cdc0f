"""Mamba's block for sequences, with the official state-dict names.

Source: Gu and Dao, Mamba (2023), figure 3; state-spaces/mamba at e9594ce, mamba_simple.py."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.extras.reconstructions.selective_scan.initial import (
    decay_logarithms,
    width_biases,
    width_rank,
)
from defocus.extras.reconstructions.selective_scan.scan import selective_scan

EXPANSION = 2
CONVOLUTION = 4


class Mamba(nn.Module):
    """A causal convolution, a selective scan, a gate; neither normalisation nor residual."""

    # ``states``: number of states per channel inside.

    def __init__(self, channels: int, states: int = 16) -> None:
        super().__init__()
        inner = EXPANSION * channels
        self.states = states
        self.rank = width_rank(channels)
        self.A_log = nn.Parameter(decay_logarithms(inner, states))
        self.D = nn.Parameter(torch.ones(inner))
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, CONVOLUTION, groups=inner)
        self.x_proj = nn.Linear(inner, self.rank + 2 * states, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.out_proj = nn.Linear(inner, channels, bias=False)
        nn.init.uniform_(self.dt_proj.weight, -(self.rank**-0.5), self.rank**-0.5)
        self.dt_proj.bias = nn.Parameter(width_biases(inner))

    def forward(self, sequence: Tensor) -> Tensor:
        """From ``(N, L, channels)`` to the same shape."""
        content, gate = self.in_proj(sequence).transpose(1, 2).chunk(2, dim=1)
        seen = functional.silu(
            self.conv1d(functional.pad(content, (CONVOLUTION - 1, 0)))
        )
        sizes = [self.rank, self.states, self.states]
        width, reading, writing = self.x_proj(seen.transpose(1, 2)).split(sizes, dim=2)
        widths = functional.softplus(self.dt_proj(width).transpose(1, 2))
        read = reading.transpose(1, 2)[:, None]
        write = writing.transpose(1, 2)[:, None]
        written, _ = selective_scan(
            seen,
            widths,
            -self.A_log.exp(),
            read,
            write,
            self.D,
        )
        given: Tensor = self.out_proj((written * functional.silu(gate)).transpose(1, 2))
        return given
