"""Padding of pictures to the sizes that networks need, and grids of equal patches."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


def split(whole: Tensor, rows: int, columns: int) -> Tensor:
    """Split into patches, ``(N * rows * columns, C, H / rows, W / columns)``, row by row."""
    count, channels, height, width = whole.shape
    patches = whole.reshape(
        count,
        channels,
        rows,
        height // rows,
        columns,
        width // columns,
    )
    return patches.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def join(patches: Tensor, rows: int, columns: int) -> Tensor:
    """Undo :func:`split`: ``(N * rows * columns, C, h, w)`` to ``(N, C, H, W)``."""
    placed = patches.reshape(-1, rows, columns, *patches.shape[1:])
    by_channel = placed.permute(0, 3, 1, 4, 2, 5)
    return by_channel.flatten(4, 5).flatten(2, 3)


PaddingMode = Literal["reflect", "symmetric", "replicate", "zeros"]
"""``reflect`` mirrors at the middle of the border pixel (it is not repeated), ``symmetric`` at its
outer edge (it is), ``replicate`` repeats it, ``zeros`` is black."""


def pad_to_multiple(
    blurry: Tensor,
    multiple: int,
    mode: PaddingMode = "reflect",
    *,
    least: int = 1,
) -> Tensor:
    """Pad on the right and below to the next multiple; crop back with :func:`cropped`."""
    height, width = blurry.shape[-2:]
    below = max(least - height, -height % multiple)
    right = max(least - width, -width % multiple)
    return pad(blurry, (0, right, 0, below), mode)


def cropped(padded: Tensor, blurry: Tensor, every: int = 1) -> Tensor:
    """Crop what a network made of a padded picture, ``every`` times smaller, rounded up."""
    height, width = blurry.shape[-2:]
    rows = -(-height // every)
    columns = -(-width // every)
    return padded[..., :rows, :columns]


def padding_network(network: nn.Module, multiple: int, least: int = 1) -> nn.Module:
    """A network with the same names of weights that pads to a multiple and crops."""
    smallest = -(-least // multiple) * multiple
    network.forward = partial(_padded_pass, network.forward, multiple, smallest)
    return network


def _padded_pass(
    forward: Callable[..., Tensor],
    multiple: int,
    least: int,
    blurry: Tensor,
    **further: Tensor,
) -> Tensor:
    if not any(size % multiple or size < least for size in blurry.shape[-2:]):
        return forward(blurry, **further)
    padded = [
        pad_to_multiple(one, multiple, least=least)
        for one in (blurry, *further.values())
    ]
    return cropped(
        forward(padded[0], **dict(zip(further, padded[1:], strict=True))),
        blurry,
    )


def pad(
    blurry: Tensor,
    amounts: tuple[int, int, int, int],
    mode: PaddingMode = "reflect",
) -> Tensor:
    """Pad left, right, top, bottom; beyond the picture's size the reflection is repeated."""
    left, right, top, bottom = amounts
    if not any(amounts):
        return blurry
    if mode == "zeros":
        return functional.pad(blurry, amounts)
    height, width = blurry.shape[-2:]
    if mode == "replicate":
        return functional.pad(blurry, amounts, mode="replicate")
    inside = max(left, right) < width and max(top, bottom) < height
    if mode == "reflect" and inside:
        return functional.pad(blurry, amounts, mode="reflect")
    rows = _mirrored_index(height, top, bottom, mode, blurry.device)
    columns = _mirrored_index(width, left, right, mode, blurry.device)
    return blurry.index_select(-2, rows).index_select(-1, columns)


def _mirrored_index(
    size: int,
    before: int,
    after: int,
    mode: PaddingMode,
    device: torch.device,
) -> Tensor:
    """Index of the pixel (of ``size``) at each position -before … size + after - 1."""
    place = torch.arange(-before, size + after, device=device)
    if mode == "symmetric":
        place = place.remainder(2 * size)
        return torch.minimum(place, 2 * size - 1 - place)
    period = max(1, 2 * (size - 1))
    place = place.remainder(period)
    return torch.minimum(place, period - place)
