"""Restore a picture by a network, with all the inputs that it takes; and what that costs."""

import math
import time
from collections.abc import Iterable, Sequence
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.card import Card
from defocus.baselines.recipe import FurtherInput
from defocus.benchmark.cost.counting import device_name, measure_cost, quartiles
from defocus.benchmark.results.store import Cost
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import read_array
from defocus.datasets.patching.packing import require_further
from defocus.errors import NotApplicableError
from defocus.images import Image, as_float, read_image, read_member
from defocus.progress import counted

LEAST_PX = 16
"""Sides that all networks take."""


def check_inputs(card: Card, pairs: Iterable[Pair]) -> None:
    """Refuse a system whose inputs are missing in these pairs."""
    further = further_inputs(card)
    require_further(tuple(pairs), (*further, "dual_pixel") if card.input == "dual" else further)


def further_inputs(card: Card) -> tuple[FurtherInput, ...]:
    """Inputs that a system takes as keyword arguments, besides the picture or the views."""
    inputs: tuple[FurtherInput, ...] = get_args(FurtherInput)
    others = sorted(set(card.needs) - set(inputs))
    if others:
        raise NotApplicableError(f"needs {', '.join(others)}, which no network is given")
    views = ["dual_pixel"] if card.input == "dual" else []
    return tuple(one for one in inputs if one in card.needs and one not in views)


def restore_picture(
    network: nn.Module, card: Card, pair: Pair, device: torch.device, blurry: Image | None = None
) -> tuple[NDArray[np.float64], float]:
    """Restore one picture: ``(H, W, 3)`` float64 as given, not clamped; and the seconds it took."""
    views = _network_input(card, pair, blurry)
    height, width = views.shape[2:]
    picture = _at_least(views).to(device)
    further = {one: _at_least(_further_input(one, pair)).to(device) for one in further_inputs(card)}
    with torch.no_grad():
        started = time.perf_counter()
        restored = network(picture, **further)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - started
    expected = (1, 3, *picture.shape[2:])
    if tuple(restored.shape) != expected:
        raise ValueError(f"restored picture is {tuple(restored.shape)}, not {expected}")
    array = restored[0, :, :height, :width].permute(1, 2, 0).double().cpu().numpy()
    if not np.isfinite(array).all():
        raise FloatingPointError(f"restored picture of {pair.id} has values that are not finite")
    return array, seconds


def _at_least(picture: torch.Tensor) -> torch.Tensor:
    """A picture narrower than all networks take, padded by repeating its border."""
    height, width = picture.shape[2:]
    pad = (0, max(0, LEAST_PX - width), 0, max(0, LEAST_PX - height))
    return nn.functional.pad(picture, pad, mode="replicate") if any(pad) else picture


def _network_input(card: Card, pair: Pair, blurry: Image | None) -> torch.Tensor:
    if card.input != "single":
        return _further_input("dual_pixel", pair)
    return _tensor(read_member(pair.blurry, pair.sharp) if blurry is None else blurry)


def _further_input(what: FurtherInput, pair: Pair) -> torch.Tensor:
    """Views ``(1, 6, H, W)``, or the diameter of the circle of confusion ``(1, 1, H, W)`` in px."""
    if what == "defocus_map" and pair.defocus_map is not None:
        diameter = np.abs(read_array(pair.defocus_map)).astype(np.float32)
        return torch.from_numpy(diameter)[None, None]
    views = (pair.dual_pixel_left, pair.dual_pixel_right)
    pictures = [read_image(view) for view in views if view is not None]
    return torch.cat([_tensor(picture) for picture in pictures], dim=1)


def _tensor(picture: Image) -> torch.Tensor:
    """A picture as ``(1, 3, H, W)`` float32 in [0, 1]."""
    return torch.from_numpy(as_float(picture)).permute(2, 0, 1)[None].contiguous()


def measure_costs(
    network: nn.Module,
    card: Card,
    pair: Pair,
    sizes: Sequence[tuple[int, ...]],
    seconds: Sequence[float],
) -> list[Cost]:
    """Cost of restoring at the first pair's size; the first of several seconds is a warm-up."""
    height, width = (max(side, LEAST_PX) for side in sizes[0])
    channels = 6 if card.input == "dual" else 3
    further: dict[str, torch.Tensor] = {
        one: _at_least(_further_input(one, pair)) for one in further_inputs(card)
    }
    cost = measure_cost(network, height, width, channels=channels, **further)
    device = device_name(next(network.parameters(), torch.empty(0)).device)
    timed = list(seconds[1:]) or list(seconds)
    low, middle, high = quartiles(timed)
    rates = [1e6 * spent / math.prod(size) for size, spent in zip(sizes, seconds, strict=True)]
    _, per_mp, _ = quartiles(rates[1:] or rates)
    warm = "after a warm-up" if len(seconds) > 1 else "without a warm-up"
    of_times = f"{device}, {_size_range(sizes)}, {counted(len(timed), 'picture')} {warm}"
    return [
        Cost("params_m", cost.params_m),
        Cost("macs_g", cost.macs_g, measured_on=_size_range(sizes[:1])),
        _memory(card, cost.peak_mib, _size_range(sizes[:1])),
        Cost("seconds", middle, measured_on=of_times),
        Cost("seconds_q1", low, measured_on=of_times),
        Cost("seconds_q3", high, measured_on=of_times),
        Cost("seconds_mp", per_mp, measured_on=of_times),
    ]


def _memory(card: Card, peak_mib: float, size: str) -> Cost:
    if card.kind == "classical":
        return Cost("peak_mib", None, "works outside PyTorch, whose tensors alone are counted")
    return Cost("peak_mib", peak_mib, measured_on=size)


def _size_range(sizes: Sequence[tuple[int, ...]]) -> str:
    ends = (min(sizes, key=math.prod), max(sizes, key=math.prod))
    return " to ".join(dict.fromkeys(f"{width}x{height}" for height, width in ends)) + " px"
