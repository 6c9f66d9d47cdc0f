"""The released code's reblurring: kernels cell by cell, times a stack of shifted pictures."""

import math

import torch
from torch.nn import functional


def literal_reblur(
    image: torch.Tensor, seeds: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Same as :func:`defocus.baselines.operators.reblurring.operator.isotropic_reblur`."""
    levels = weights.shape[1]
    result = weights[:, :1] * image
    for radius, samples in enumerate(
        torch.split(seeds, list(range(2, levels + 1)), dim=1), 1
    ):
        blurred = (_kernel(samples)[:, :, None] * _shifted(image, radius)).sum(dim=1)
        result = result + weights[:, radius : radius + 1] * blurred
    return result


def _kernel(samples: torch.Tensor) -> torch.Tensor:
    """``(N, r + 1, H, W)`` radial samples to ``(N, (2r + 1)², H, W)`` kernels."""
    radius = samples.shape[1] - 1
    offsets = range(radius + 1)
    quarter = torch.stack(
        [torch.stack([_logit(samples, i, j) for j in offsets], dim=1) for i in offsets],
        dim=1,
    )
    half = torch.cat([quarter[:, 1:].flip(1), quarter], dim=1)
    whole = torch.cat([half[:, :, 1:].flip(2), half], dim=2)
    return torch.softmax(whole.flatten(1, 2), dim=1)


def _logit(samples: torch.Tensor, row: int, column: int) -> torch.Tensor:
    distance = math.hypot(row, column)
    below = math.floor(distance)
    if distance > samples.shape[1] - 1:
        return torch.zeros_like(samples[:, 0])
    if distance == below:
        return samples[:, below].abs()
    part = distance - below
    return (1 - part) * samples[:, below].abs() + part * samples[:, below + 1].abs()


def _shifted(image: torch.Tensor, radius: int) -> torch.Tensor:
    """``(N, (2r + 1)², C, H, W)`` copies of the picture, 0 outside the frame."""
    height, width = image.shape[-2:]
    padded = functional.pad(image, (radius,) * 4)
    shifts = range(2 * radius + 1)
    return torch.stack(
        [padded[..., i : i + height, j : j + width] for i in shifts for j in shifts],
        dim=1,
    )
