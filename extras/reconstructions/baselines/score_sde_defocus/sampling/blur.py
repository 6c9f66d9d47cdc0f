"""Gaussian blur with a width per pixel, as a linear operator and its adjoint in PyTorch."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from defocus.baselines.layers.padding import pad
from defocus.baselines.operators.domain import Array
from defocus.baselines.operators.varying import blur_levels, hat_weights, sigma_of

LEVELS = 6
SUPPORT = 3.0
"""Standard deviations that a kernel reaches to each side."""


@dataclass(frozen=True)
class GaussianBlur:
    """A x = sum over levels l of W_l (g_l * x), mirrored at the border."""

    kernels: tuple[Tensor, ...]  # one-dimensional, of odd length, sum 1
    weights: tuple[Tensor, ...]  # ``(H, W)`` each, summing to 1

    def __call__(self, sharp: Tensor) -> Tensor:
        """A x of ``(N, C, H, W)``."""
        parts = zip(self.kernels, self.weights, strict=True)
        return torch.stack(
            [weight * _filtered(sharp, kernel) for kernel, weight in parts]
        ).sum(0)

    def adjoint_of(
        self,
        sharp: Tensor,
        residual_to: Tensor,
    ) -> Tensor:
        """A^T (y - A x)."""
        with torch.enable_grad():
            at = sharp.detach().requires_grad_()
            blurred = self(at)
            (adjoint,) = torch.autograd.grad(
                blurred,
                at,
                residual_to - blurred.detach(),
            )
        return adjoint


def gaussian_blur(sigma_px: Array, like: Tensor) -> GaussianBlur:
    """The blur of a map of standard deviations ``(H, W)``, of the type and device of ``like``."""
    diameter = np.asarray(sigma_px) / sigma_of(1.0)
    levels = blur_levels(diameter, LEVELS)
    return GaussianBlur(
        tuple(like.new_tensor(_taps(sigma_of(float(level)))) for level in levels),
        tuple(
            torch.from_numpy(np.asarray(weight)).to(like)
            for weight in hat_weights(diameter, levels)
        ),
    )


def _taps(sigma: float) -> list[float]:
    radius = math.ceil(SUPPORT * sigma)
    places = range(-radius, radius + 1)
    values = [math.exp(-0.5 * (place / sigma) ** 2) for place in places]
    total = sum(values)
    return [value / total for value in values]


def _filtered(picture: Tensor, kernel: Tensor) -> Tensor:
    channels = picture.shape[1]
    radius = len(kernel) // 2
    padded = pad(picture, (radius, radius, radius, radius))
    taps = kernel.expand(channels, 1, 1, -1)
    rows = functional.conv2d(padded, taps, groups=channels)
    return functional.conv2d(rows, taps.transpose(2, 3), groups=channels)
