"""Reblurring operator: its inputs, the choice of implementation, and the plain PyTorch one.

The latter works in strips; its backward pass sums again, which is faster than reading memory."""
# ruff: noqa: D102, ANN401 - the equations say what goes both ways; any context is PyTorch's

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from defocus.baselines.operators.reblurring.rings import (
    Rings,
    interpolation,
    rings,
    seed_count,
    tap_counts,
)
from defocus.errors import InputError

Unit: TypeAlias = tuple[int, int, int | None]
"""Position down and right of pixels that share one weight, and the number of their ring; see
:attr:`Rings.units`."""

STRIP_PIXELS = 16_384
"""Pixels per strip; larger ones fall out of the cache, smaller ones wait for PyTorch's calls."""


class TiledReblur(torch.autograd.Function):
    """``apply(image, seeds, weights)`` to the blurred picture; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        seeds: Tensor,
        weights: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(image, seeds, weights)
        facts = rings(weights.shape[1])
        padded = functional.pad(image, (facts.radius,) * 4)
        blurred = torch.zeros_like(image, memory_format=torch.contiguous_format)
        for rows in _strips(image):
            kernels = list(_kernels(facts, seeds[:, :, rows]))
            factors = _factors(facts, kernels, weights[:, :, rows])
            into = blurred[:, :, rows]
            sums = _sums(facts, padded, rows)
            for unit, total in zip(facts.units, sums, strict=True):
                factor = factors.of_unit(unit).view_as(total[:, :1])
                into.addcmul_(total, factor)
        return blurred

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        grown: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        image, seeds, weights = ctx.saved_tensors
        facts = rings(weights.shape[1])
        padded = functional.pad(image, (facts.radius,) * 4)
        of_padded = torch.zeros_like(padded)
        of_seeds = torch.empty_like(seeds)
        of_weights = torch.empty_like(weights)
        for rows in _strips(image):
            own_seeds = seeds[:, :, rows]
            own_weights = weights[:, :, rows]
            part = grown[:, :, rows]
            kernels = list(_kernels(facts, own_seeds))
            products = _products(facts, padded, part, rows)
            strip = own_seeds, own_weights
            seed_slopes, weight_slopes = _gradients(facts, kernels, strip, products)
            of_seeds[:, :, rows] = seed_slopes.view_as(own_seeds)
            of_weights[:, :, rows] = weight_slopes.view_as(own_weights)
            factors = _factors(facts, kernels, own_weights)
            _spread(facts, factors, part, of_padded, rows)
        return _inner(of_padded, facts.radius), of_seeds, of_weights


def _inner(padded: Tensor, pad: int) -> Tensor:
    """The part inside the padding."""
    return padded[:, :, pad:-pad, pad:-pad].contiguous()


def _strips(image: Tensor) -> Iterator[slice]:
    count, _, height, width = image.shape
    rows = max(1, STRIP_PIXELS // (count * width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


class _Kernel(NamedTuple):
    """The kernels of one radius before their division by the total, for P pixels."""

    # ``values``: ``(N, R, P)`` e = exp(l - max), l the ring's logit; ``corner``: ``(N, 1, P)`` e0 =
    # exp(0 - max) of the taps outside the radius; ``total``: ``(N, 1, P)`` Z, over all taps;
    # ``logits``: the matrix from seeds to logits.
    values: Tensor
    corner: Tensor
    total: Tensor
    logits: Tensor


def _kernels(facts: Rings, seeds: Tensor) -> Iterator[_Kernel]:
    """Weights of the sums at each pixel: ``(N, R, P)`` rings, ``(N, levels, P)`` borders."""
    counts = tap_counts(facts.levels, seeds.device, seeds.dtype)
    sizes = list(range(2, facts.levels + 1))
    by_radius = torch.split(seeds, sizes, dim=1)
    for radius, mine in enumerate(by_radius, start=1):
        matrix = interpolation(facts.levels, radius, seeds.device, seeds.dtype)
        samples = mine.abs().flatten(2)
        peak = samples.amax(1, keepdim=True)  # >= 0: outside the radius logits are 0
        values = torch.matmul(matrix, samples).sub_(peak).exp_()
        corner = peak.neg_().exp_()
        total = torch.matmul(counts[: len(matrix)].T, values)
        total.add_(corner, alpha=facts.corners[radius])
        yield _Kernel(values, corner, total, matrix)


class _Factors(NamedTuple):
    """Weights of the sums at each pixel: ``(N, R, P)`` rings, ``(N, levels, P)`` borders."""

    per_ring: Tensor
    per_border: Tensor

    def of_unit(self, unit: Unit) -> Tensor:
        """``(N, P)``: weight of a unit's taps as members of their ring and of their border."""
        border, _, ring = unit
        factor = self.per_border[:, border]
        return factor if ring is None else factor + self.per_ring[:, ring]


def _factors(
    facts: Rings,
    kernels: Sequence[_Kernel],
    weights: Tensor,
) -> _Factors:
    """Weights W by ring and V by border; a square's border counts in all larger squares too."""
    # For ring d, radius k, weight m_k: W_d = sum_k m_k / Z_k (e_kd - e0_k), V_k = m_k / Z_k e0_k.
    # The result is sum_d W_d S_d + sum_k V_k Q_k, with the sums S of rings and Q of squares.
    flat = weights.flatten(2)
    per_ring = flat.new_zeros((len(flat), len(facts.squared), flat.shape[-1]))
    per_border = torch.empty_like(flat)
    per_border[:, :1] = flat[:, :1]
    for radius, kernel in enumerate(kernels, start=1):
        own = slice(radius, radius + 1)
        share = flat[:, own] / kernel.total
        above_corner = kernel.values - kernel.corner
        inside = per_ring[:, : kernel.values.shape[1]]
        inside.addcmul_(above_corner, share)
        torch.mul(share, kernel.corner, out=per_border[:, own])
    for radius in reversed(range(facts.radius)):
        per_border[:, radius].add_(per_border[:, radius + 1])
    return _Factors(per_ring, per_border)


def _sums(facts: Rings, padded: Tensor, rows: slice) -> Iterator[Tensor]:
    """The picture's sums over the taps of each unit, ``(N, C, h, W)`` each."""
    pad = facts.radius
    height = rows.stop - rows.start
    width = padded.shape[-1] - 2 * pad
    strip = padded[:, :, rows.start : rows.stop + 2 * pad]
    columns = [_fold(strip, j, pad, width, -1) for j in range(facts.levels)]
    for i, j, _ in facts.units:
        taps = _fold(columns[j], i, pad, height, -2)
        if i != j:
            turned = _fold(columns[i], j, pad, height, -2)
            taps.add_(turned)
        yield taps


def _fold(
    padded: Tensor,
    offset: int,
    pad: int,
    size: int,
    axis: int,
) -> Tensor:
    """Sum of the two shifts by ``offset`` along an axis, without the padding on it."""
    after = padded.narrow(axis, pad + offset, size)
    if offset == 0:
        return after
    before = padded.narrow(axis, pad - offset, size)
    return after + before


def _products(
    facts: Rings,
    padded: Tensor,
    grown: Tensor,
    rows: slice,
) -> tuple[Tensor, Tensor]:
    """Sums times gradient over the colours: ``(N, R, P)`` rings, ``(N, levels, P)`` squares."""
    count = len(grown)
    pixels = grown[0, 0].numel()
    per_ring = grown.new_zeros((count, len(facts.squared), pixels))
    per_border = grown.new_zeros((count, facts.levels, pixels))
    sums = _sums(facts, padded, rows)
    for (border, _, ring), total in zip(facts.units, sums, strict=True):
        product = (total * grown).sum(1).flatten(1)
        per_border[:, border].add_(product)
        if ring is not None:
            per_ring[:, ring].add_(product)
    return per_ring, per_border.cumsum_(1)


def _gradients(
    facts: Rings,
    kernels: Sequence[_Kernel],
    strip: tuple[Tensor, Tensor],
    products: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Gradients of the seeds ``(N, S, P)`` and the levels' weights ``(N, levels, P)``."""
    # With R and P, the sums of rings (of n_d taps) and of squares times the gradient,
    # dL/dm_k = q_k = (sum_d e_kd R_d + e0_k (P_k - sum_d R_d)) / Z_k and
    # dL/dl_kd = m_k / Z_k e_kd (R_d - n_d q_k).
    seeds, weights = (one.flatten(2) for one in strip)
    per_ring, per_square = products
    counts = tap_counts(facts.levels, seeds.device, seeds.dtype)
    of_weights = [per_square[:, :1]]
    of_seeds = []
    for radius, kernel in enumerate(kernels, start=1):
        of_logits, mean = _of_kernel(
            per_ring,
            kernel,
            per_square,
            radius,
            weights,
            counts,
        )
        of_seeds.append(torch.matmul(kernel.logits.T, of_logits))
        of_weights.append(mean)
    signed = torch.cat(of_seeds, dim=1).mul_(seeds.sign())
    return signed, torch.cat(of_weights, dim=1)


def _of_kernel(
    per_ring: Tensor,
    kernel: _Kernel,
    per_square: Tensor,
    radius: int,
    weights: Tensor,
    counts: Tensor,
) -> tuple[Tensor, Tensor]:
    """Gradients of the logits and of the weight of one kernel."""
    own = slice(radius, radius + 1)
    mine = per_ring[:, : kernel.values.shape[1]]
    outside = per_square[:, own] - mine.sum(1, keepdim=True)
    inside = (kernel.values * mine).sum(1, keepdim=True)
    mean = outside.mul_(kernel.corner).add_(inside).div_(kernel.total)
    share = weights[:, own] / kernel.total
    beyond_mean = mine - counts[: mine.shape[1]] * mean
    of_logits = beyond_mean.mul_(kernel.values).mul_(share)
    return of_logits, mean


def _spread(
    facts: Rings,
    factors: _Factors,
    grown: Tensor,
    of_padded: Tensor,
    rows: slice,
) -> None:
    """Add each pixel's share of the gradient to the pixels that it was summed from."""
    pad, (height, width) = facts.radius, grown.shape[-2:]
    columns = _summed_columns(facts, factors, grown, height, pad, width)
    strip = of_padded[:, :, rows.start : rows.stop + 2 * pad]
    for offset in range(-pad, pad + 1):
        strip.narrow(-1, pad + offset, width).add_(columns[abs(offset)])


def _summed_columns(
    facts: Rings,
    factors: _Factors,
    grown: Tensor,
    height: int,
    pad: int,
    width: int,
) -> list[Tensor]:
    """Gradient by column offset, summed over the rows of the taps."""
    shape = (*grown.shape[:2], height + 2 * pad, width)
    columns = [grown.new_zeros(shape) for _ in range(facts.levels)]
    for i, j, ring in facts.units:
        factor = factors.of_unit((i, j, ring))
        share = grown * factor.view_as(grown[:, :1])
        for row, column in {(i, j), (j, i)}:
            for offset in {row, -row}:
                columns[column].narrow(-2, pad + offset, height).add_(share)
    return columns


Path: TypeAlias = Literal["torch", "compiled", "triton"]
"""``torch``: everywhere. ``compiled``: CPU, float32. ``triton``: CUDA, float32."""


def isotropic_reblur(
    image: Tensor,
    seeds: Tensor,
    weights: Tensor,
    path: Path | None = None,
) -> Tensor:
    """Weighted sum of the picture and its per-pixel isotropically blurred versions."""
    # The kernel of radius r is softmax(l) over its (2r + 1)² taps, where l at distance rho is
    # |seed| interpolated linearly at rho, and 0 where rho > r; outside the frame the picture is 0.
    # Seeds ``(N, S, H, W)`` are radial samples of radius 1 (2 of them) to m - 1 (m), weights ``(N,
    # m, H, W)`` those of radius 0 to m - 1. All paths are exact. Source: JDRL (AAAI 2023), section
    # 3.2 and its code.
    _check(image, seeds, weights)
    device = image.device.type
    available = torch.amp.is_autocast_available(device)
    if not available or not torch.is_autocast_enabled(device):
        return _reblurred(image, seeds, weights, path)
    # bf16 keeps three digits of sums of 225 taps
    with torch.autocast(device, enabled=False):
        return _reblurred(image.float(), seeds.float(), weights.float(), path)


def _reblurred(
    image: Tensor,
    seeds: Tensor,
    weights: Tensor,
    path: Path | None,
) -> Tensor:
    path = path or _default_path(image)
    device = {
        "torch": image.device.type,
        "compiled": "cpu",
        "triton": "cuda",
    }[path]
    fits = image.device.type == device and image.dtype == torch.float32
    if path != "torch" and not fits:
        raise InputError(
            f"the reblurring path {path!r} takes float32 on {device}, not {image.dtype} on "
            f"{image.device}; leave the path out"
        )
    function: type[torch.autograd.Function] = TiledReblur
    if path == "compiled":  # each loads its compiler only when asked for
        from defocus.baselines.operators.reblurring import compiled

        function = compiled.CompiledReblur
    if path == "triton":
        from defocus.baselines.operators.reblurring import triton_path

        function = triton_path.TritonReblur
    blurred: Tensor = function.apply(image, seeds, weights)
    return blurred


def _default_path(image: Tensor) -> Path:
    cuda = (
        image.is_cuda
        and torch.version.cuda is not None
        and image.dtype == torch.float32
    )
    return "triton" if cuda and importlib.util.find_spec("triton") else "torch"


def _check(image: Tensor, seeds: Tensor, weights: Tensor) -> None:
    levels = weights.shape[1]
    sizes = {(one.shape[0], *one.shape[2:]) for one in (image, seeds, weights)}
    fits = levels >= 2 and seeds.shape[1] == seed_count(levels)
    if not fits or len(sizes) > 1:
        raise InputError(
            f"pictures {tuple(image.shape)}, seeds {tuple(seeds.shape)} and weights "
            f"{tuple(weights.shape)} do not fit; m levels need 2 + 3 + … + m seeds"
        )


def blur_levels(
    image: Tensor,
    seeds: Tensor,
    levels: int = 8,
) -> Tensor:
    """The blurred versions by themselves, ``(m - 1, N, C, H, W)``, from the smallest kernel on."""
    count, _, height, width = image.shape
    choices = torch.eye(levels, dtype=image.dtype, device=image.device)
    blurred = []
    for choice in choices[1:]:
        weights = choice[None, :, None, None].expand(count, -1, height, width)
        blurred.append(isotropic_reblur(image, seeds, weights))
    return torch.stack(blurred)
