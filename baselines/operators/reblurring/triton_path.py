"""Reblurring operator on CUDA devices, by Triton.

Sums are gathered tap by tap through the cache; memory holds one float32 map per ring and level."""
# ruff: noqa: D102, ANN401 - the equations say what goes both ways; any context is PyTorch's

import functools
from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate, chain, product
from typing import Any, NamedTuple

import torch
import triton
from torch.autograd.function import once_differentiable

from defocus.baselines.operators.reblurring.rings import Rings, rings
from defocus.baselines.operators.reblurring.triton_kernels import (
    factor_kernel,
    gather_kernel,
    gradient_kernel,
    product_kernel,
)

BLOCK = 128
"""Pixels of a row per program."""
OPTIONS = {"num_warps": 4, "enable_fp_fusion": True}
"""Options of Triton's compiler. Without ``enable_fp_fusion`` it warns that its default will
change."""


class _Tables(NamedTuple):
    """The geometry in device memory; a part is a ring or, after the rings, a square's border."""

    # ``start`` and ``end`` bound each part's taps; ``below`` and ``above`` are each ring's seed and
    # the weight of the next; ``first_ring`` is the first at a distance of at least 0, 1, … m px.

    taps: torch.Tensor
    start: torch.Tensor
    end: torch.Tensor
    below: torch.Tensor
    above: torch.Tensor
    sizes: torch.Tensor
    corners: torch.Tensor
    first_ring: torch.Tensor


@functools.cache
def _tables(levels: int, device: torch.device) -> _Tables:
    facts = rings(levels)
    parts = _taps(levels, facts)
    ends = list(accumulate(map(len, parts)))
    below, above = zip(*facts.between, strict=True)
    whole = functools.partial(torch.tensor, device=device, dtype=torch.int32)
    real = functools.partial(torch.tensor, device=device, dtype=torch.float32)
    return _Tables(
        taps=whole(list(chain.from_iterable(parts))),
        start=whole([0, *ends[:-1]]),
        end=whole(ends),
        below=whole(below),
        above=real(above),
        sizes=whole([facts.within(radius) for radius in range(levels)]),
        corners=real(facts.corners),
        first_ring=whole(
            [bisect_left(facts.squared, s * s) for s in range(levels + 1)]
        ),
    )


def _taps(levels: int, facts: Rings) -> list[list[tuple[int, int]]]:
    """Taps of each ring, then those of each square's border."""
    offsets = range(-facts.radius, levels)
    on_ring: dict[int, list[tuple[int, int]]] = defaultdict(list)
    on_border: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for i, j in product(offsets, offsets):
        on_ring[i * i + j * j].append((i, j))
        on_border[max(abs(i), abs(j))].append((i, j))
    rings_ = [on_ring[squared] for squared in facts.squared]
    return rings_ + [on_border[radius] for radius in range(levels)]


class TritonReblur(torch.autograd.Function):
    """As :class:`TiledReblur`; float32 on CUDA."""

    @staticmethod
    def forward(
        ctx: Any, image: torch.Tensor, seeds: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        image = image.contiguous()
        seeds = seeds.contiguous()
        weights = weights.contiguous()
        ctx.save_for_backward(image, seeds, weights)
        run = _Runner(image, weights)
        blurred = torch.empty_like(image)
        maps = run.maps()
        run(factor_kernel, seeds, weights, maps)
        run(gather_kernel, image, maps, blurred, COLOURS=run.colours, TRANSPOSED=False)
        return blurred

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grown: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        image, seeds, weights = ctx.saved_tensors
        grown = grown.contiguous()
        run = _Runner(image, weights)
        of_image = torch.empty_like(image)
        maps = run.maps()
        of_seeds = torch.empty_like(seeds)
        of_weights = torch.empty_like(weights)
        run(factor_kernel, seeds, weights, maps)
        run(gather_kernel, grown, maps, of_image, COLOURS=run.colours, TRANSPOSED=True)
        # the factors are used up
        run(product_kernel, image, grown, maps, COLOURS=run.colours)
        run(gradient_kernel, seeds, weights, maps, of_seeds, of_weights)
        return of_image, of_seeds, of_weights


class _Runner:
    """Starts kernels over all pieces of rows of a batch of pictures."""

    def __init__(self, image: torch.Tensor, weights: torch.Tensor) -> None:
        self.image = image
        self.levels = weights.shape[1]
        self.facts = rings(self.levels)
        self.colours = triton.next_power_of_2(image.shape[1])

    def maps(self) -> torch.Tensor:
        """Memory for one map per ring and per level."""
        count, _, height, width = self.image.shape
        return self.image.new_empty(
            (count, len(self.facts.squared) + self.levels, height, width)
        )

    def __call__(
        self, kernel: Any, *tensors: torch.Tensor, **constants: object
    ) -> None:
        count, colours, height, width = self.image.shape
        kernel[(triton.cdiv(width, BLOCK), height, count)](
            *tensors,
            *_tables(self.levels, self.image.device),
            height,
            width,
            colours,
            M=self.levels,
            LEVELS=triton.next_power_of_2(self.levels),
            RINGS=len(self.facts.squared),
            BLOCK=BLOCK,
            **OPTIONS,
            **constants,
        )
