"""Cost of restoring: parameters, multiply-adds, time and memory, of one picture or by size."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from defocus.baselines.card import Baseline, Card
from defocus.training.memory import LiveBytes, peak_bytes


@dataclass(frozen=True)
class PictureCost:
    """Costs of restoring one picture."""

    # ``macs_g`` counts convolutions, matrix products and attention alone, ``peak_mib`` the tensors
    # alive at once beside the weights.

    params_m: float
    macs_g: float
    peak_mib: float


@torch.no_grad()
def measure_cost(
    module: nn.Module,
    height: int,
    width: int,
    *,
    channels: int = 3,
    **needs: torch.Tensor,
) -> PictureCost:
    """Count what a network costs at one picture size, in px; it is put into evaluation mode."""
    module.eval()
    generator = torch.Generator().manual_seed(0)
    blurry = torch.rand(1, channels, height, width, generator=generator)
    flops, peak = _counted(module, blurry, needs)
    return PictureCost(
        params_m=sum(parameter.numel() for parameter in module.parameters()) / 1e6,
        macs_g=flops / 2 / 1e9,
        peak_mib=peak / 2**20,
    )


_LOOKS_AT_VALUES = (AttributeError, NotImplementedError, RuntimeError)
"""Errors that tensors without values cause in a network that looks at values or leaves PyTorch."""


def _counted(
    module: nn.Module,
    blurry: torch.Tensor,
    needs: Mapping[str, torch.Tensor],
) -> tuple[int, int]:
    """Count operations and bytes, on tensors without memory where possible, which takes no time."""
    state = dict(chain(module.named_parameters(), module.named_buffers()))
    try:
        hollow = _moved(state, "meta")
        picture = blurry.to("meta")
        further = _moved(needs, "meta")
        with FlopCounterMode(display=False) as counter, LiveBytes() as live:
            functional_call(module, hollow, (picture,), further)
    except _LOOKS_AT_VALUES:
        device = next((tensor.device for tensor in state.values()), torch.device("cpu"))
        picture = blurry.to(device)
        further = _moved(needs, device)
        with FlopCounterMode(display=False) as counter, LiveBytes() as live:
            module(picture, **further)
    return counter.get_total_flops(), live.peak


def _moved(
    tensors: Mapping[str, torch.Tensor],
    device: torch.device | str,
) -> dict[str, torch.Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def device_name(device: torch.device) -> str:
    """Readable name of a device: ``cpu``, or the name of the accelerator."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def quartiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile of at least one time."""
    if len(seconds) == 1:
        return seconds[0], seconds[0], seconds[0]
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, middle, high


@torch.no_grad()
def bf16_difference(
    network: nn.Module,
    *inputs: torch.Tensor,
    **needs: torch.Tensor,
) -> float | None:
    """Mean absolute difference between restoring in bf16 (autocast) and in float32."""
    # It is relative to 1, or to the largest restored value if larger; None without bf16.
    exact = network(*inputs, **needs)
    try:
        with torch.autocast(exact.device.type, dtype=torch.bfloat16):
            rough = network(*inputs, **needs).float()
    # what PyTorch and NumPy say of it
    except (RuntimeError, NotImplementedError, TypeError):
        return None
    if not bool(torch.isfinite(rough).all()):
        raise FloatingPointError("restored values in bf16 are not finite")
    largest = float(exact.abs().max())
    return float((rough - exact).abs().mean()) / max(1.0, largest)


SIDE_PX = 512
NEED_CHANNELS = {
    "dual_pixel": 6,
    "defocus_map": 1,
    "flow": 2,
    "valid_mask": 1,
    "measured_blur": 1,
}


@dataclass(frozen=True)
class MeasuredCost:
    """Cost measured with fresh weights and a random picture."""

    # ``seconds`` are those of the second pass; on the CPU its CPU time, which other programs affect
    # less.

    seconds: float
    peak_mib: float
    bf16_difference: float | None


@torch.no_grad()
def measure_system(
    system: Baseline,
    device: torch.device,
    side_px: int = SIDE_PX,
) -> MeasuredCost:
    """Build a system and restore one picture several times."""
    torch.manual_seed(0)
    network = system.build().eval().to(device)
    blurry, needs = _noise(system.card, side_px, side_px, device)
    peak = peak_bytes(network, blurry, **needs)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    started = clock()
    network(blurry, **needs)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = clock() - started
    difference = bf16_difference(network, blurry, **needs)
    return MeasuredCost(round(seconds, 4), round(peak / 2**20, 1), difference)


def _noise(
    card: Card,
    width: int,
    height: int,
    device: torch.device,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A random picture, and the other inputs that a system takes."""
    channels = 6 if card.input == "dual" else 3
    blurry = torch.rand(1, channels, height, width).to(device)
    needs = {}
    for name in card.needs:
        if not (name == "dual_pixel" and card.input == "dual"):
            noise = torch.rand(1, NEED_CHANNELS[name], height, width)
            needs[name] = noise.to(device)
    return blurry, needs


WARM_UPS = 1
"""Passes that are not counted: libraries choose their kernels and compile in them."""


@dataclass(frozen=True)
class CostAtSize:
    """The cost of one picture of one size; values of picture and weights do not matter."""

    # ``peak_mib`` leaves the weights out and is None for a classical system, which works outside
    # PyTorch; the seconds are median and quartiles, None if the device has too little memory.

    system: str
    device: str
    threads: int
    width: int
    height: int
    params_m: float
    macs_g: float
    peak_mib: float | None
    seconds: float | None
    seconds_q1: float | None
    seconds_q3: float | None
    repeats: int


def cost_by_size(
    system: Baseline,
    sizes: Sequence[tuple[int, int]],
    device: torch.device,
    repeats: int,
) -> Iterator[CostAtSize]:
    """Measure a system with fresh weights at several sizes (width, height), one by one."""
    torch.manual_seed(0)
    network = system.build().eval().to(device)
    for width, height in sizes:
        blurry, needs = _noise(system.card, width, height, device)
        channels = blurry.shape[1]
        cost = measure_cost(network, height, width, channels=channels, **needs)
        low, middle, high = _timed(partial(network, blurry, **needs), device, repeats)
        yield CostAtSize(
            system=system.card.name,
            device=device_name(device),
            threads=torch.get_num_threads(),
            width=width,
            height=height,
            params_m=cost.params_m,
            macs_g=cost.macs_g,
            peak_mib=None if system.card.kind == "classical" else cost.peak_mib,
            seconds=middle,
            seconds_q1=low,
            seconds_q3=high,
            repeats=repeats,
        )


@torch.no_grad()
def _timed(
    restore: "partial[nn.Module]",
    device: torch.device,
    repeats: int,
) -> tuple[float | None, float | None, float | None]:
    seconds = []
    try:
        for number in range(WARM_UPS + repeats):
            started = time.perf_counter()
            restore()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if number >= WARM_UPS:
                seconds.append(time.perf_counter() - started)
    except torch.OutOfMemoryError:
        return None, None, None
    return quartiles(seconds)
