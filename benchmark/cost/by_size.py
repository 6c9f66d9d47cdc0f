"""Cost of restoring at chosen picture sizes, on the available device."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.benchmark.cost.counting import device_name, measure_cost, quartiles
from defocus.benchmark.cost.one_picture import NEED_CHANNELS

__all__ = ["CostAtSize", "cost_by_size"]

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
    system: Baseline, sizes: Sequence[tuple[int, int]], device: torch.device, repeats: int
) -> Iterator[CostAtSize]:
    """Measure a system with fresh weights at several sizes (width, height), one by one."""
    torch.manual_seed(0)
    network = system.build().eval().to(device)
    channels = 6 if system.card.input == "dual" else 3
    for width, height in sizes:
        needs = {
            name: torch.rand(1, NEED_CHANNELS[name], height, width).to(device)
            for name in system.card.needs
            if not (name == "dual_pixel" and system.card.input == "dual")
        }
        cost = measure_cost(network, height, width, channels=channels, **needs)
        blurry = torch.rand(1, channels, height, width).to(device)
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
    restore: "partial[nn.Module]", device: torch.device, repeats: int
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
