"""Reblurring operator compiled for the CPU, one row at a time to stay in cache.

The machine code is made once per installation (some seconds) and kept beside this file."""
# ruff: noqa: D102, ANN401 - the equations say what goes both ways; any context is PyTorch's

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from defocus.baselines.operators.reblurring.rings import rings
from defocus.baselines.operators.reblurring.row_kernels import (
    backward_rows,
    forward_rows,
    layout,
)

Array = NDArray[np.float32]


class CompiledReblur(torch.autograd.Function):
    """As :class:`TiledReblur`; float32 on the CPU."""

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        seeds: Tensor,
        weights: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(image, seeds, weights)
        padded, maps = _arrays(image, seeds, weights)
        blurred = np.empty(tuple(image.shape), np.float32)
        tables = layout(weights.shape[1])
        _in_strips(
            image,
            lambda n, top, bottom: forward_rows(
                padded[n],
                maps[0][n],
                maps[1][n],
                tables,
                top,
                bottom,
                blurred[n],
            ),
        )
        return torch.from_numpy(blurred)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        grown: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        image, seeds, weights = ctx.saved_tensors
        padded, maps = _arrays(image, seeds, weights)
        gradient = grown.detach().contiguous().numpy()
        of_seeds = np.empty_like(maps[0])
        of_weights = np.empty_like(maps[1])
        of_padded = np.zeros_like(padded)
        tables = layout(weights.shape[1])
        pad = rings(weights.shape[1]).radius

        def strip(
            n: int,
            top: int,
            bottom: int,
        ) -> tuple[int, int, Array]:
            own = np.zeros_like(padded[n, :, : bottom - top + 2 * pad])
            given = padded[n], maps[0][n], maps[1][n]
            of_given = own, of_seeds[n], of_weights[n]
            backward_rows(given, tables, top, bottom, gradient[n], of_given)
            return n, top, own

        for n, top, own in _in_strips(image, strip):  # strips overlap by their borders
            of_padded[n, :, top : top + own.shape[1]] += own
        inner = of_padded[:, :, pad:-pad, pad:-pad]
        of_image = torch.from_numpy(inner).contiguous()
        return of_image, torch.from_numpy(of_seeds), torch.from_numpy(of_weights)


def _arrays(
    image: Tensor,
    seeds: Tensor,
    weights: Tensor,
) -> tuple[Array, tuple[Array, Array]]:
    pad = rings(weights.shape[1]).radius
    padded = functional.pad(image.detach(), (pad,) * 4)
    own_seeds = seeds.detach().contiguous().numpy()
    own_weights = weights.detach().contiguous().numpy()
    return padded.contiguous().numpy(), (own_seeds, own_weights)


def _in_strips(
    image: Tensor,
    work: Callable[[int, int, int], Any],
) -> Iterable[Any]:
    """Call ``work(picture, top, bottom)`` on PyTorch's number of threads."""
    threads = min(torch.get_num_threads(), image.shape[2])
    edges = [image.shape[2] * k // threads for k in range(threads + 1)]
    strips: list[tuple[int, int, int]] = []
    for number in range(len(image)):
        strips += [(number, top, bottom) for top, bottom in pairwise(edges)]
    if threads == 1:
        return [work(*strip) for strip in strips]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda strip: work(*strip), strips))
