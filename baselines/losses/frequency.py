"""L1 between Fourier transforms."""

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from defocus.baselines.loss import LossFunction

Distance = Literal["parts", "magnitude"]
"""Distance of complex coefficients: the mean over real and imaginary parts, or the mean
magnitude."""


def frequency(
    output: Tensor,
    target: Tensor,
    distance: Distance = "parts",
    *,
    half: bool = False,
) -> Tensor:
    """Mean L1 distance of the two-dimensional transforms, not normalised."""
    # ``half`` is without the mirrored half, which weights columns differently.
    transform = torch.fft.rfft2 if half else torch.fft.fft2
    # linear: one transform serves
    difference: Tensor = transform(output.float() - target.float())
    if distance == "magnitude":
        return difference.abs().mean()
    return torch.view_as_real(difference).abs().mean()


def make(distance: Distance = "parts", half: bool = False) -> LossFunction:
    """The loss; see :func:`frequency`."""
    return partial(frequency, distance=distance, half=half)
