"""Restore a picture by a network, with all the inputs that it takes; and what that costs."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.card import Card
from defocus.baselines.recipe import FurtherInput
from defocus.benchmark.cost.counting import device_name, measure_cost, quartiles
from defocus.benchmark.cost.tiling import Size, free_memory, smallest_words, tile_sides
from defocus.benchmark.results.run_folder import LATER
from defocus.benchmark.results.store import SECONDS, Cost
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import read_array
from defocus.datasets.patching.packing import require_further
from defocus.errors import NotApplicableError, TrainingError, lacks_memory
from defocus.pictures.read import read_blurry, read_image
from defocus.pictures.values import Image, as_float
from defocus.progress import counted, say
from defocus.restoration.restorer import (
    LEAST_PX,
    SMALLEST_TILE_PX,
    Restorer,
    large_enough,
    overlap_px,
    restore_tiled,
)
from defocus.restoration.scales import restored_at_scales

Sizes = Sequence[tuple[int, ...]]
"""Heights and widths of pictures, px."""

AT_FULL_SIZE = ", one pass at full size"
"""Last words of the note on where MACs and memory of a system at scales were measured."""


def check_inputs(card: Card, pairs: Iterable[Pair]) -> None:
    """Refuse a system whose inputs are missing in these pairs."""
    further = further_inputs(card)
    require_further(
        tuple(pairs), (*further, "dual_pixel") if card.input == "dual" else further
    )


def further_inputs(card: Card) -> tuple[FurtherInput, ...]:
    """Inputs that a system takes as keyword arguments, besides the picture or the views."""
    inputs: tuple[FurtherInput, ...] = get_args(FurtherInput)
    others = sorted(set(card.needs) - set(inputs))
    if others:
        raise NotApplicableError(
            f"needs {', '.join(others)}, which no network is given"
        )
    needed = set(card.needs)
    if card.input == "dual":
        needed.discard("dual_pixel")
    return tuple(one for one in inputs if one in needed)


@dataclass(frozen=True)
class TimedRestoration:
    """A restored picture, not clamped, and how it was made."""

    picture: NDArray[np.float64]  # (H, W, 3)
    seconds: float  # that its restoration took
    tile_px: int = 0  # side of the tiles; 0 if it was restored at once


def restore_picture(
    network: nn.Module,
    card: Card,
    pair: Pair,
    device: torch.device,
    blurry: Image | None = None,
    *,
    tile_px: int = 0,
) -> TimedRestoration:
    """Restore one picture at once, without the guard; at scales if the card says so."""
    # In tiles if they are asked for, or where memory cannot hold the whole.
    views = _network_input(card, pair, blurry)
    height, width = views.shape[2:]
    picture = large_enough(views).to(device)
    further = _further_inputs(card, pair, device)
    size = picture.shape[2], picture.shape[3]
    restore = partial(_restored, network, card, picture, further)
    restored, seconds, side = _within_memory(restore, size, tile_px, device)
    expected = (1, 3, *size)
    if tuple(restored.shape) != expected:
        raise ValueError(f"restored picture is {tuple(restored.shape)}, not {expected}")
    array = restored[0, :, :height, :width].permute(1, 2, 0).double().cpu().numpy()
    if not np.isfinite(array).all():
        raise FloatingPointError(
            f"restored picture of {pair.id} has values that are not finite"
        )
    return TimedRestoration(array, seconds, side)


def _further_inputs(
    card: Card,
    pair: Pair,
    device: torch.device | None = None,
) -> dict[str, torch.Tensor]:
    """Inputs of a system besides the picture, by name, as large as networks need them."""
    inputs: dict[str, torch.Tensor] = {}
    for name in further_inputs(card):
        inputs[name] = large_enough(_further_input(name, pair)).to(device)
    return inputs


def _within_memory(
    restore: Callable[[int], torch.Tensor],
    size: Size,
    tile_px: int,
    device: torch.device,
) -> tuple[torch.Tensor, float, int]:
    """The picture, restored in the largest tiles that memory holds, the seconds, and their side."""
    lack: Exception | None = None
    for side in tile_sides(size, tile_px):
        started = time.perf_counter()
        try:
            restored = restore(side)
        except (RuntimeError, MemoryError) as error:
            if not lacks_memory(error):
                raise
            lack = error.with_traceback(None)  # it keeps tensors
            free_memory(device)
            continue
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return restored, time.perf_counter() - started, side
    raise TrainingError(
        f"memory does not hold {smallest_words(size)}; free some"
    ) from lack


@torch.no_grad()
def _restored(
    network: nn.Module,
    card: Card,
    picture: torch.Tensor,
    further: Mapping[str, torch.Tensor],
    tile_px: int,
) -> torch.Tensor:
    """Restore ``(1, C, H, W)``; at scales if the card says so, and each of them in tiles."""
    if card.at_scales:
        restore = partial(_in_tiles, network, further={}, tile_px=tile_px)
        return restored_at_scales(restore, picture, card.reach_px)
    return _in_tiles(network, picture, further, tile_px)


def _in_tiles(
    network: nn.Module,
    picture: torch.Tensor,
    further: Mapping[str, torch.Tensor],
    tile_px: int,
) -> torch.Tensor:
    """Restore ``(1, C, H, W)`` in tiles of a side; at once if that is 0 or covers the picture."""
    if tile_px == 0 or max(picture.shape[2:]) <= tile_px:
        restored: torch.Tensor = network(picture, **further)
        return restored
    inputs = [picture, *further.values()]
    channels = [one.shape[1] for one in inputs]

    def restore(tile: torch.Tensor) -> torch.Tensor:
        blurry, *others = torch.split(tile.to(picture.device), channels, dim=1)
        given = dict(zip(further, others, strict=True))
        output: torch.Tensor = network(blurry.contiguous(), **given)
        return output.float().cpu()

    joined = torch.cat(inputs, dim=1)[0].permute(1, 2, 0).cpu().numpy()
    mixed = restore_tiled(restore, joined, tile_px, overlap_px(tile_px))
    return torch.from_numpy(mixed).permute(2, 0, 1)[None]


def _network_input(card: Card, pair: Pair, blurry: Image | None) -> torch.Tensor:
    if card.input != "single":
        return _further_input("dual_pixel", pair)
    return _tensor(
        read_blurry(pair.blurry, pair.sharp, pair.white) if blurry is None else blurry
    )


def _further_input(what: FurtherInput, pair: Pair) -> torch.Tensor:
    """Views ``(1, 6, H, W)``, or the diameter of the circle of confusion ``(1, 1, H, W)`` in px."""
    if what == "defocus_map" and pair.defocus_map is not None:
        diameter = np.abs(read_array(pair.defocus_map)).astype(np.float32)
        return torch.from_numpy(diameter)[None, None]
    views = []
    for file in (pair.dual_pixel_left, pair.dual_pixel_right):
        if file is not None:
            view = read_image(file, pair.white)
            views.append(_tensor(view))
    return torch.cat(views, dim=1)


def _tensor(picture: Image) -> torch.Tensor:
    """A picture as ``(1, 3, H, W)`` float32 in [0, 1]."""
    return torch.from_numpy(as_float(picture)).permute(2, 0, 1)[None].contiguous()


def _device_of(network: nn.Module) -> torch.device:
    return next(network.parameters(), torch.empty(0)).device


def say_tiles(network: nn.Module, card: Card, pair: Pair, tile_px: int) -> None:
    """Say that test pictures were restored in tiles, if they were, and what that changes."""
    if tile_px == 0:
        return
    text = (
        f"{card.name}: memory does not hold whole test pictures, so they are restored in tiles of "
        f"{tile_px} px"
    )
    if card.input == "single" and not card.needs and tile_px > SMALLEST_TILE_PX:
        device = _device_of(network)
        picture = as_float(read_blurry(pair.blurry, pair.sharp, pair.white))
        restorer = Restorer(network, device, tile_px, 0.0)
        difference = restorer.tiling_difference(picture, tile_px)
        text += f"; a part of one differs by {255 * difference:.2f} of 255 at most from the whole"
    say(text)


def measure_costs(
    network: nn.Module,
    card: Card,
    pair: Pair,
    sizes: Sizes,
    seconds: Sequence[float],
    tile_px: int = 0,
) -> list[Cost]:
    """Cost of restoring at the first pair's size; without seconds, these are measured later."""
    # What is counted is one pass of the network at that size, also for a system at scales, of
    # which the picture decides how many passes it takes. Where tiles were needed, it is one pass
    # of a tile.
    height, width = sizes[0]
    if tile_px:
        height, width = min(height, tile_px), min(width, tile_px)
    counted_on = _size_range([(height, width)])
    height, width = max(height, LEAST_PX), max(width, LEAST_PX)
    channels = 6 if card.input == "dual" else 3
    further = {}
    for name, values in _further_inputs(card, pair).items():
        further[name] = values[..., :height, :width]
    cost = measure_cost(network, height, width, channels=channels, **further)
    if tile_px:
        counted_on += ", one tile"
    elif card.at_scales:
        counted_on += AT_FULL_SIZE
    return [
        Cost("params_m", cost.params_m),
        Cost("macs_g", cost.macs_g, measured_on=counted_on),
        _memory(card, cost.peak_mib, counted_on),
        *cost_in_seconds(network, sizes, seconds, tile_px),
    ]


def cost_in_seconds(
    network: nn.Module,
    sizes: Sizes,
    seconds: Sequence[float],
    tile_px: int,
) -> list[Cost]:
    """Seconds of restoring, of whatever was done; the first of several is a warm-up."""
    if not seconds:
        return [Cost(name, None, LATER) for name in SECONDS]
    warm = "after a warm-up" if len(seconds) > 1 else "without a warm-up"
    rates = _megapixel_seconds(sizes, seconds)
    if len(seconds) > 1:
        seconds, rates = seconds[1:], rates[1:]
    low, middle, high = quartiles(seconds)
    _, per_mp, _ = quartiles(rates)
    device = device_name(_device_of(network))
    pictures = counted(len(seconds), "picture")
    measured_on = f"{device}, {_size_range(sizes)}, {pictures} {warm}"
    if tile_px:
        measured_on += f", in tiles of {tile_px} px"
    values = zip(SECONDS, (middle, low, high, per_mp), strict=True)
    return [Cost(name, value, measured_on=measured_on) for name, value in values]


def _megapixel_seconds(sizes: Sizes, seconds: Sequence[float]) -> list[float]:
    pairs = zip(sizes, seconds, strict=True)
    return [1e6 * spent / math.prod(size) for size, spent in pairs]


def _memory(card: Card, peak_mib: float, size: str) -> Cost:
    if card.kind == "classical":
        return Cost(
            "peak_mib",
            None,
            "works outside PyTorch, whose tensors alone are counted",
        )
    return Cost("peak_mib", peak_mib, measured_on=size)


def _size_range(sizes: Sizes) -> str:
    ends = (min(sizes, key=math.prod), max(sizes, key=math.prod))
    return (
        " to ".join(dict.fromkeys(f"{width}x{height}" for height, width in ends))
        + " px"
    )
