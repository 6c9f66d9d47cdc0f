"""Cost of restoring one picture of 512 x 512 px, measured in the same way for every system."""

import time
from dataclasses import dataclass

import torch

from defocus.baselines.card import Baseline
from defocus.benchmark.cost.counting import bf16_difference
from defocus.training.memory import peak_bytes

__all__ = ["SIDE_PX", "MeasuredCost", "measure_system"]

SIDE_PX = 512
NEED_CHANNELS = {"dual_pixel": 6, "defocus_map": 1, "flow": 2, "valid_mask": 1, "measured_blur": 1}


@dataclass(frozen=True)
class MeasuredCost:
    """Cost measured with fresh weights and a random picture."""

    # ``seconds`` are those of the second pass; on the CPU its CPU time, which other programs affect
    # less.

    seconds: float
    peak_mib: float
    bf16_difference: float | None


@torch.no_grad()
def measure_system(system: Baseline, device: torch.device, side_px: int = SIDE_PX) -> MeasuredCost:
    """Build a system and restore one picture several times."""
    torch.manual_seed(0)
    network = system.build().eval().to(device)
    channels = 6 if system.card.input == "dual" else 3
    blurry = torch.rand(1, channels, side_px, side_px).to(device)
    needs = {
        name: torch.rand(1, NEED_CHANNELS[name], side_px, side_px).to(device)
        for name in system.card.needs
    }
    peak = peak_bytes(network, blurry, **needs)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    started = clock()
    network(blurry, **needs)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = clock() - started
    difference = bf16_difference(network, blurry, **needs)
    return MeasuredCost(round(seconds, 4), round(peak / 2**20, 1), difference)
