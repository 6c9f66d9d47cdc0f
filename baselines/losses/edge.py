"""Charbonnier distance of Laplacian pictures."""

import torch
from torch import Tensor
from torch.nn import functional

from defocus.baselines.loss import LossFunction
from defocus.baselines.losses.charbonnier import charbonnier

TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)


def edge(output: Tensor, target: Tensor) -> Tensor:
    """Charbonnier loss between the Laplacians of both pictures."""
    # Source: Zamir et al., MPRNet (CVPR 2021), released EdgeLoss.
    return charbonnier(laplacian(output), laplacian(target))


def laplacian(picture: Tensor) -> Tensor:
    """The picture minus its half-resolution version, enlarged again."""
    # It is blurred, subsampled by two (times 4, with zeros between), and blurred again.
    blurred = _gauss(picture)
    kept = torch.zeros_like(blurred)
    kept[..., ::2, ::2] = 4 * blurred[..., ::2, ::2]
    return picture - _gauss(kept)


def _gauss(picture: Tensor) -> Tensor:
    """The five-tap filter along both axes, borders repeated."""
    channels = picture.shape[1]
    taps = picture.new_tensor(TAPS)
    kernel = torch.outer(taps, taps).expand(channels, 1, 5, 5)
    padded = functional.pad(picture, (2, 2, 2, 2), mode="replicate")
    return functional.conv2d(padded, kernel, groups=channels)


def make() -> LossFunction:
    """The loss."""
    return edge
