"""Negative peak signal-to-noise ratio, dB, for a peak of 1."""

import math

import torch
from torch import Tensor

from defocus.baselines.loss import LossFunction

EPSILON = 1e-8


def negative_psnr(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the batch of 10 log10(mean squared error + 1e-8), computed per picture."""
    # Source: Chen et al., NAFNet (ECCV 2022), released PSNRLoss.
    squares = (output - target).square()
    errors = squares.flatten(1).mean(dim=1)
    decibels = 10 / math.log(10)
    logarithms = torch.log(errors + EPSILON)
    return decibels * logarithms.mean()


def make() -> LossFunction:
    """The loss."""
    return negative_psnr
