"""The Charbonnier loss: L1 with a smooth minimum."""

from functools import partial

import torch
from torch import Tensor

from defocus.baselines.loss import LossFunction

EPSILON = 1e-3


def charbonnier(
    first: Tensor,
    second: Tensor,
    epsilon: float = EPSILON,
) -> Tensor:
    """Mean of sqrt(d² + eps²) over pixels and channels; epsilon in the unit of the pictures."""
    # Source: JDRL (AAAI 2023), L_d and L_r; the mean over pixels is the released code's reading.
    return torch.sqrt((first - second).square() + epsilon**2).mean()


def make(epsilon: float = EPSILON) -> LossFunction:
    """The loss."""
    return partial(charbonnier, epsilon=epsilon)
