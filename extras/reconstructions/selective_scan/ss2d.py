"""VMamba's block for pictures: scans along rows and columns, forwards and backwards.

Source: Liu et al., VMamba (2024); MzeroMiko/VMamba at 2ed52ea, SS2D with its v05 semantics."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.pointwise import PointwiseLinear
from defocus.extras.reconstructions.selective_scan.initial import (
    decay_logarithms,
    width_biases,
    width_rank,
)
from defocus.extras.reconstructions.selective_scan.scan import selective_scan

DIRECTIONS = 4
EXPANSION = 2


def cross_scan(picture: Tensor) -> Tensor:
    """``(N, 4, C, H W)``: a picture row by row, column by column, and both reversed."""
    by_row = picture.flatten(2)
    by_column = picture.transpose(2, 3).flatten(2)
    forwards = torch.stack([by_row, by_column], dim=1)
    return torch.cat([forwards, forwards.flip(-1)], dim=1)


def cross_merge(sequences: Tensor, height: int, width: int) -> Tensor:
    """The sum of four sequences in the original pixel order, ``(N, C, H, W)``."""
    backwards = sequences[:, 2:].flip(-1)
    rows, columns = (sequences[:, :2] + backwards).unbind(1)
    by_row = torch.unflatten(rows, -1, (height, width))
    by_column = torch.unflatten(columns, -1, (width, height))
    return by_row + by_column.transpose(2, 3)


class SS2D(nn.Module):
    """A convolution, scans in four directions, a gate; no residual."""

    # ``states``: number of states per channel inside and direction.

    def __init__(self, channels: int, states: int = 16) -> None:
        super().__init__()
        inner = EXPANSION * channels
        rank = width_rank(channels)
        self.states = states
        self.rank = rank
        self.A_logs = nn.Parameter(decay_logarithms(DIRECTIONS * inner, states))
        self.Ds = nn.Parameter(torch.ones(DIRECTIONS * inner))
        self.dt_projs_bias = nn.Parameter(width_biases(DIRECTIONS, inner))
        self.out_norm = nn.LayerNorm(inner)
        self.in_proj = PointwiseLinear(channels, 2 * inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.x_proj = nn.Linear(inner, DIRECTIONS * (rank + 2 * states), bias=False)
        self.dt_projs = nn.Linear(rank, DIRECTIONS * inner, bias=False)
        self.out_proj = PointwiseLinear(inner, channels, bias=False)
        nn.init.uniform_(self.dt_projs.weight, -(rank**-0.5), rank**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, channels, H, W)`` to the same shape."""
        pixels = features.permute(0, 2, 3, 1)
        content, gate = self.in_proj(pixels).chunk(2, dim=-1)
        mixed = self.conv2d(content.permute(0, 3, 1, 2))
        scanned = self._scanned(functional.silu(mixed))
        normed = self.out_norm(scanned.permute(0, 2, 3, 1))
        given: Tensor = self.out_proj(normed * functional.silu(gate))
        return given.permute(0, 3, 1, 2)

    def _scanned(self, seen: Tensor) -> Tensor:
        """All four directions, one after the other to save memory."""
        height, width = seen.shape[-2:]
        parameters = zip(
            cross_scan(seen).unbind(1),
            self.x_proj.weight.chunk(DIRECTIONS),
            self.dt_projs.weight.chunk(DIRECTIONS),
            self.dt_projs_bias,
            self.A_logs.chunk(DIRECTIONS),
            self.Ds.chunk(DIRECTIONS),
            strict=True,
        )
        scanned = [self._along(*each) for each in parameters]
        return cross_merge(torch.stack(scanned, 1), height, width)

    def _along(
        self,
        sequence: Tensor,
        projection: Tensor,
        widening: Tensor,
        bias: Tensor,
        decay_logarithm: Tensor,
        skip: Tensor,
    ) -> Tensor:
        """One direction: ``(N, inner, L)`` to the same shape."""
        sizes = [self.rank, self.states, self.states]
        width, reading, writing = torch.split(projection @ sequence, sizes, dim=1)
        widths = functional.softplus(widening @ width + bias[:, None])
        decay = -decay_logarithm.float().exp()
        written, _ = selective_scan(
            sequence,
            widths,
            decay,
            reading[:, None],
            writing[:, None],
            skip,
        )
        return written
