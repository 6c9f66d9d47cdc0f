"""Initial parameters of a selective state space.

Source: state-spaces/mamba at e9594ce, mamba_simple.py."""

import math

import torch
from torch import Tensor

LEAST_WIDTH, LARGEST_WIDTH = 1e-3, 1e-1
CHANNELS_PER_RANK = 16


def width_rank(channels: int) -> int:
    """Rank of the projection that makes the step widths, for a block's number of channels."""
    return math.ceil(channels / CHANNELS_PER_RANK)


def decay_logarithms(channels: int, states: int) -> Tensor:
    """Logarithms of -A: each channel's states decay at 1, 2, …; ``(channels, states)``."""
    return torch.arange(1, states + 1, dtype=torch.float32).log().repeat(channels, 1)


def width_biases(*shape: int) -> Tensor:
    """Biases for which softplus gives widths between 0.001 and 0.1, evenly in logarithm."""
    low = math.log(LEAST_WIDTH)
    high = math.log(LARGEST_WIDTH)
    widths = (low + (high - low) * torch.rand(*shape)).exp()
    return widths + (-torch.expm1(-widths)).log()
