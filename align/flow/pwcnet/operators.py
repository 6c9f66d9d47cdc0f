"""Operators of PWC-Net: inner warp, normalisation and cost volume."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

RADIUS = 4
DISPLACEMENTS = (2 * RADIUS + 1) ** 2
"""Channels of a cost volume."""

VARIANCE_FLOOR = 1e-12
"""Keeps features without any structure, as of an even grey, from a division by zero."""


@dataclass(frozen=True)
class InnerWarp:
    """How features are warped: on a grid of aligned corners, or of pixel centres."""

    aligned_corners: bool  # zero flow is the identity; else flows are scaled by W / (W - 1)
    valid_above: float  # if less than this share of a sample lies inside the frame, the result is 0


SNIKLAUS = InnerWarp(aligned_corners=True, valid_above=0.999)
"""sniklaus/pytorch-pwc as it is now."""
JDRL = InnerWarp(aligned_corners=False, valid_above=0.999)
"""The older copy inside JDRL's code."""
NVLABS = InnerWarp(aligned_corners=True, valid_above=0.9999)
"""NVlabs/PWC-Net with the sampling of the torch version it was written for."""


def cost_volume(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """``(N, 81, H, W)``: mean over channels of first(y, x) * second(y + dy, x + dx), zeros outside.

    The channel is (dy + 4) * 9 + (dx + 4)."""
    dtype = torch.promote_types(torch.promote_types(first.dtype, second.dtype), torch.float32)
    volume: torch.Tensor = _CostVolume.apply(first.to(dtype), second.to(dtype))
    return volume


class _CostVolume(torch.autograd.Function):
    """81 shifted products, with a gradient: unfolding takes 20 times the time and memory."""

    @staticmethod
    def forward(ctx: Any, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - torch's context
        ctx.save_for_backward(first, second)
        if first.is_cuda:
            return _by_rows(first, second)
        # channels last in memory, the products of shifted views would take five times as long
        first, second = first.contiguous(), second.contiguous()
        count, _, height, width = first.shape
        volume = first.new_empty(count, DISPLACEMENTS, height, width)
        product = torch.empty_like(first)  # one for all: 81 of them leave a heap full of holes
        for index, moved in enumerate(_shifted(_padded(second), height, width)):
            torch.mul(first, moved, out=product)
            torch.mean(product, dim=1, out=volume[:, index])
        return volume

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ANN401 - torch's context
        first, second = ctx.saved_tensors
        gradient = gradients[0] / first.shape[1]
        of_first, of_padded = torch.zeros_like(first), torch.zeros_like(_padded(second))
        size = first.shape[2:]
        windows = zip(_shifted(_padded(second), *size), _shifted(of_padded, *size), strict=True)
        for index, (moved, of_moved) in enumerate(windows):
            part = gradient[:, index : index + 1]
            of_first.addcmul_(part, moved)
            of_moved.addcmul_(part, first)
        return of_first, of_padded[:, :, RADIUS : RADIUS + size[0], RADIUS : RADIUS + size[1]]


def _by_rows(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The same for a GPU: 18 launches instead of 162, each of which costs more than its sums."""
    count, _, height, width = first.shape
    volume = first.new_empty(count, 2 * RADIUS + 1, 2 * RADIUS + 1, height, width)
    padded = _padded(second)
    for dy, row in enumerate(volume.unbind(1)):
        moved = padded[:, :, dy : dy + height].unfold(3, width, 1)  # (N, C, H, 9, W)
        row.copy_((first.unsqueeze(3) * moved).mean(dim=1).transpose(1, 2))
    return volume.flatten(1, 2)


def _padded(features: torch.Tensor) -> torch.Tensor:
    return nn.functional.pad(features, (RADIUS,) * 4)


def _shifted(padded: torch.Tensor, height: int, width: int) -> Iterator[torch.Tensor]:
    """Views of a padded map, one for each displacement, in the order of a cost volume."""
    for dy in range(2 * RADIUS + 1):
        for dx in range(2 * RADIUS + 1):
            yield padded[:, :, dy : dy + height, dx : dx + width]


def warp_features(features: torch.Tensor, flow: torch.Tensor, rule: InnerWarp) -> torch.Tensor:
    """Backward warp, px of this level, with zeros where a sample is (partly) outside the frame."""
    height, width = features.shape[2:]
    rows = _axis(height, rule, flow)[:, None] + flow[:, 1] * (2.0 / (height - 1))
    columns = _axis(width, rule, flow)[None, :] + flow[:, 0] * (2.0 / (width - 1))
    ones = torch.ones_like(features[:, :1])
    sampled = nn.functional.grid_sample(
        torch.cat([features, ones], dim=1),
        torch.stack([columns, rows], dim=-1),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=rule.aligned_corners,
    )
    return sampled[:, :-1] * (sampled[:, -1:] > rule.valid_above).to(sampled.dtype)


def _axis(side: int, rule: InnerWarp, like: torch.Tensor) -> torch.Tensor:
    border = 0.0 if rule.aligned_corners else 1.0 / side
    return torch.linspace(-1.0 + border, 1.0 - border, side, dtype=like.dtype, device=like.device)


def normalised_features(
    first: torch.Tensor, second: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalise both maps by their common mean and standard deviation, for each sample.

    Else no network learns from blurry/sharp pairs. Source: Jonschkowski et al. (ECCV 2020), 3.2."""
    both = torch.stack([first, second])
    both = both.to(torch.promote_types(both.dtype, torch.float32))
    variance, mean = torch.var_mean(both, dim=(0, 2, 3, 4), correction=0, keepdim=True)
    return tuple((both - mean) * torch.rsqrt(variance + VARIANCE_FLOOR))
