"""Parameters and multiply-adds of a network."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from defocus.training.memory import live_bytes

__all__ = ["PictureCost", "bf16_difference", "device_name", "measure_cost", "quartiles"]


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
    module: nn.Module, height: int, width: int, *, channels: int = 3, **needs: torch.Tensor
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
"""What tensors without values raise in a network that looks at values, or leaves PyTorch."""


def _counted(
    module: nn.Module, blurry: torch.Tensor, needs: Mapping[str, torch.Tensor]
) -> tuple[int, int]:
    """Count operations and bytes, on tensors without memory where possible, which takes no time."""
    state = dict(chain(module.named_parameters(), module.named_buffers()))
    try:
        hollow = {name: tensor.to("meta") for name, tensor in state.items()}
        given, further = blurry.to("meta"), _moved(needs, "meta")
        with FlopCounterMode(display=False) as counter, live_bytes() as live:
            functional_call(module, hollow, (given,), further)
    except _LOOKS_AT_VALUES:
        device = next((tensor.device for tensor in state.values()), torch.device("cpu"))
        given, further = blurry.to(device), _moved(needs, device)
        with FlopCounterMode(display=False) as counter, live_bytes() as live:
            module(given, **further)
    return counter.get_total_flops(), live.peak


def _moved(
    needs: Mapping[str, torch.Tensor], device: torch.device | str
) -> dict[str, torch.Tensor]:
    return {name: tensor.to(device) for name, tensor in needs.items()}


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
    network: nn.Module, *inputs: torch.Tensor, **needs: torch.Tensor
) -> float | None:
    """Mean absolute difference between restoring in bf16 (autocast) and in float32."""
    # It is relative to 1, or to the largest restored value if larger; None without bf16.
    exact = network(*inputs, **needs)
    try:
        with torch.autocast(exact.device.type, dtype=torch.bfloat16):
            rough = network(*inputs, **needs).float()
    except (RuntimeError, NotImplementedError, TypeError):  # what PyTorch and NumPy say of it
        return None
    if not bool(torch.isfinite(rough).all()):
        raise FloatingPointError("restored values in bf16 are not finite")
    return float((rough - exact).abs().mean()) / max(1.0, float(exact.abs().max()))
