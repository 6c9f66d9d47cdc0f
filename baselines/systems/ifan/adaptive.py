"""Iterative adaptive convolution: stacks of small separable filters, one stack per pixel."""

import torch
from torch.nn import functional

__all__ = ["TAPS", "adaptive_convolution", "filter_channels"]

TAPS = 3
SLOPE = 0.1


def filter_channels(steps: int, channels: int) -> int:
    """How many values a pixel's stack has: two filters and a bias per step and channel."""
    return steps * channels * (2 * TAPS + 1)


def adaptive_convolution(
    features: torch.Tensor,
    filters: torch.Tensor,
    *,
    steps: int,
    corrected: bool = False,
    last_activation: bool = True,
) -> torch.Tensor:
    """Apply each pixel's own filters, vertical and horizontal, a bias, a leaky ReLU; again."""
    # ``filters`` have, step by step, ``3 C`` vertical and ``3 C`` horizontal taps (the first is the
    # row above or the column on the left), then step by step the ``C`` biases. ``corrected`` uses
    # the horizontal filter: the released code applies the vertical one both ways, and its weights
    # were trained so. Source: IFAN (CVPR 2021), IAC layer.
    count, channels, height, width = features.shape
    values = steps * channels * 2 * TAPS
    pairs = filters[:, :values].reshape(count, steps, 2, channels, TAPS, height, width)
    added = filters[:, values:].reshape(count, steps, channels, height, width)
    for step in range(steps):
        features = _filtered(features, pairs[:, step, 0], axis=-2)
        features = _filtered(features, pairs[:, step, int(corrected)], axis=-1)
        features = features + added[:, step]
        if last_activation or step < steps - 1:
            features = functional.leaky_relu(features, SLOPE)
    return features


def _filtered(features: torch.Tensor, taps: torch.Tensor, axis: int) -> torch.Tensor:
    """One 3-tap filter per pixel and channel along an axis; border values are repeated."""
    size = features.shape[axis]
    pad = (0, 0, 1, 1) if axis == -2 else (1, 1, 0, 0)
    padded = functional.pad(features, pad, mode="replicate")
    result = padded.narrow(axis, 0, size) * taps[:, :, 0]
    for tap in range(1, TAPS):
        result = torch.addcmul(result, padded.narrow(axis, tap, size), taps[:, :, tap])
    return result
