"""Attention within shifted windows, as in Swin, on ``(N, H, W, C)``; attention between channels."""

import torch
from torch import Tensor, nn

from defocus.baselines.layers.pointwise import PointwiseLinear


class ChannelAttention(nn.Module):
    """Compute a factor per channel from the channel means."""

    # Source: RCAN (ECCV 2018), section 3.2.

    def __init__(self, channels: int, reduction: int, *, bias: bool = True) -> None:
        super().__init__()
        between = max(1, channels // reduction)
        self.conv_du = nn.Sequential(
            nn.Conv2d(channels, between, 1, bias=bias),
            nn.ReLU(),
            nn.Conv2d(between, channels, 1, bias=bias),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        factors: Tensor = self.conv_du(features.mean(dim=(2, 3), keepdim=True))
        return features * factors


class LinearChannelAttention(nn.Module):
    """Channel attention with linear layers without bias, named ``fc`` in the state dict."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        between = max(1, channels // reduction)
        self.fc = nn.Sequential(
            nn.Linear(channels, between, bias=False),
            nn.ReLU(),
            nn.Linear(between, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """From ``(N, C, H, W)`` to the same shape."""
        factors: Tensor = self.fc(features.mean(dim=(2, 3)))
        return features * factors[:, :, None, None]


WINDOW = 8
SHIFT = WINDOW // 2
FORBIDDEN = -100.0
"""Number that is added to the scores of pixels that a shifted window joins across the border of the
features."""
TABLE_STD = 0.02


def windows(features: Tensor, side: int = WINDOW) -> Tensor:
    """From ``(N, H, W, C)`` to ``(N, rows, columns, side², C)``; H and W multiples of the side."""
    count, height, width, channels = features.shape
    split = features.view(
        count,
        height // side,
        side,
        width // side,
        side,
        channels,
    )
    return split.transpose(2, 3).flatten(3, 4)


def merged(windowed: Tensor, side: int = WINDOW) -> Tensor:
    """The reverse of :func:`windows`."""
    count, rows, columns, _, channels = windowed.shape
    split = windowed.view(count, rows, columns, side, side, channels)
    return split.transpose(2, 3).reshape(
        count,
        rows * side,
        columns * side,
        channels,
    )


class _Projections(nn.Module):
    def __init__(self, channels: int, *, bias: bool) -> None:
        super().__init__()
        self.to_q = PointwiseLinear(channels, channels, bias=bias)
        self.to_kv = PointwiseLinear(channels, 2 * channels, bias=bias)


class WindowAttention(nn.Module):
    """Attention among the 64 pixels of each window, with a learnt bias per relative position."""

    # In ``shifted`` (rolled) features the last row and column of windows contain pixels from both
    # ends. Source: Uformer (CVPR 2022), W-MSA; Swin Transformer (ICCV 2021), eq. 4 and figure 4.

    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        shifted: bool,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.shifted = shifted
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros((2 * WINDOW - 1) ** 2, heads)
        )
        self.register_buffer("relative_position_index", _relative_positions())
        self.qkv = _Projections(channels, bias=bias)
        self.proj = PointwiseLinear(channels, channels, bias=bias)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=TABLE_STD)

    def forward(self, windowed: Tensor) -> Tensor:
        """From ``(N, rows, columns, 64, C)`` to the same shape."""
        of_head = windowed.shape[-1] // self.heads
        query = self._split(self.qkv.to_q(windowed)) * of_head**-0.5
        keys, values = self.qkv.to_kv(windowed).chunk(2, dim=-1)
        key = self._split(keys)
        value = self._split(values)
        attended = torch.empty_like(query)
        bias = self._bias()
        for rows, columns, mask in self._groups(bias):
            group = (slice(None), rows, columns)
            scores = query[group] @ key[group].mT + mask
            attended[group] = scores.softmax(dim=-1) @ value[group]
        joined: Tensor = self.proj(attended.transpose(3, 4).flatten(4))
        return joined

    def _split(self, projected: Tensor) -> Tensor:
        """From ``(…, 64, C)`` to ``(…, heads, 64, C/heads)``."""
        by_head = projected.view(*projected.shape[:-1], self.heads, -1)
        return by_head.transpose(-3, -2)

    def _bias(self) -> Tensor:
        """Bias added to the scores, ``(heads, 64, 64)``."""
        index = self.get_buffer("relative_position_index").flatten()
        chosen = self.relative_position_bias_table[index]
        by_place = chosen.view(WINDOW**2, WINDOW**2, -1)
        return by_place.permute(2, 0, 1)

    def _groups(self, bias: Tensor) -> list[tuple[slice, slice, Tensor]]:
        """Groups of windows that share the mask added to their scores."""
        everything = slice(None)
        if not self.shifted:
            return [(everything, everything, bias)]
        across_rows, across_columns = _across_border(bias)
        inner = slice(-1)
        last = slice(-1, None)
        return [
            (inner, inner, bias),
            (inner, last, bias + across_columns),
            (last, inner, bias + across_rows),
            (last, last, bias + torch.minimum(across_rows, across_columns)),
        ]


def _relative_positions() -> Tensor:
    """Table index of each pair of pixels of a window, ``(64, 64)`` int64."""
    side = torch.arange(WINDOW)
    grid = torch.meshgrid(side, side, indexing="ij")
    row, column = (each.flatten() for each in grid)
    down = row[:, None] - row + WINDOW - 1
    right = column[:, None] - column + WINDOW - 1
    return down * (2 * WINDOW - 1) + right


def _across_border(like: Tensor) -> tuple[Tensor, Tensor]:
    """``FORBIDDEN`` for pairs of pixels separated by a rolled border."""
    rolled = torch.arange(WINDOW, device=like.device) >= WINDOW - SHIFT
    by_row = rolled.repeat_interleave(WINDOW)
    by_column = rolled.repeat(WINDOW)
    apart_rows = by_row[:, None] != by_row
    apart_columns = by_column[:, None] != by_column
    rows = FORBIDDEN * apart_rows.to(like.dtype)
    columns = FORBIDDEN * apart_columns.to(like.dtype)
    return rows, columns
