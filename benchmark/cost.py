"""What a network costs: parameters and multiply-adds; seconds are taken where it restores."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Cost", "bf16_difference", "measure_cost"]


@dataclass(frozen=True)
class Cost:
    """Costs of restoring one picture.

    Attributes:
        params_m: Parameters, millions.
        macs_g: Multiply-adds of convolutions, matrix products and attention, billions; what the
            classical systems do in Fourier space and elsewhere is not counted.
    """

    params_m: float
    macs_g: float


@torch.no_grad()
def measure_cost(
    module: nn.Module, height: int, width: int, *, channels: int = 3, **needs: torch.Tensor
) -> Cost:
    """Count what a network costs at one picture size, in one pass on the device where it is.

    Args:
        module: The network; it is put into evaluation mode.
        height: Of the picture, px.
        width: Of the picture, px.
        channels: 3, or 6 for dual-pixel input.
        needs: What the network is given by keyword.
    """
    module.eval()
    parameters = list(module.parameters())
    device = parameters[0].device if parameters else torch.device("cpu")
    generator = torch.Generator().manual_seed(0)
    blurry = torch.rand(1, channels, height, width, generator=generator).to(device)
    with FlopCounterMode(display=False) as counter:
        module(blurry, **{name: tensor.to(device) for name, tensor in needs.items()})
    return Cost(
        params_m=sum(parameter.numel() for parameter in parameters) / 1e6,
        macs_g=counter.get_total_flops() / 2 / 1e9,
    )


@torch.no_grad()
def bf16_difference(
    network: nn.Module, *inputs: torch.Tensor, **needs: torch.Tensor
) -> float | None:
    """Mean absolute difference of restoring in bf16 (autocast) to restoring in float32.

    Args:
        network: In evaluation mode.
        inputs: Of its forward pass.
        needs: The same by keyword.

    Returns:
        Of 1, or of the largest restored value where that is larger; None where an operation of
        the network has no bf16 on this device.

    Raises:
        FloatingPointError: A value in bf16 is not finite.
    """
    exact = network(*inputs, **needs)
    try:
        with torch.autocast(exact.device.type, dtype=torch.bfloat16):
            rough = network(*inputs, **needs).float()
    except (RuntimeError, NotImplementedError, TypeError):  # what PyTorch and NumPy say of it
        return None
    if not bool(torch.isfinite(rough).all()):
        raise FloatingPointError("restored values in bf16 are not finite")
    return float((rough - exact).abs().mean()) / max(1.0, float(exact.abs().max()))
