"""Filters that a picture's own means choose, one for each group of channels."""

import torch
from torch import nn
from torch.nn import functional

__all__ = ["FilterChoice", "filtered"]

GROUPS = 8


class FilterChoice(nn.Module):
    """The numbers behind a picture's filters, from the means of its features."""

    # A network adds the layers to its own module (``add_choice``), because the official state
    # dict has them beside others.

    def add_choice(self, channels: int, size: int) -> None:
        """Register the layers; ``size`` is odd, px."""
        self.size = size
        self.groups = min(GROUPS, channels)
        self.conv = nn.Conv2d(channels, self.groups * size**2, 1, bias=False)
        self.bn = nn.BatchNorm2d(self.groups * size**2)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def chosen(self, mean: torch.Tensor) -> torch.Tensor:
        """From means ``(N, C, 1, 1)`` to ``(N, groups, size²)``: one number per group and tap."""
        # They are normalised over a training batch. A batch of one picture has no statistics and
        # takes the running ones, where the official code fails.
        numbers, bn = self.conv(mean), self.bn
        if self.training and mean.shape[0] == 1:
            normalised = functional.batch_norm(
                numbers, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=bn.eps
            )
        else:
            normalised = bn(numbers)
        return normalised.reshape(mean.shape[0], self.groups, self.size**2)


def filtered(features: torch.Tensor, taps: torch.Tensor, size: int) -> torch.Tensor:
    """Features correlated with their filters ``(N, groups, size²)``; reflection outside."""
    count, channels, height, width = features.shape
    margin = size // 2
    padded = functional.pad(features, (margin, margin, margin, margin), mode="reflect")
    each = taps.repeat_interleave(channels // taps.shape[1], dim=1)
    kernels = each.reshape(count * channels, 1, size, size)
    rows = padded.reshape(1, count * channels, *padded.shape[-2:])
    given = functional.conv2d(rows, kernels, groups=count * channels)
    return given.reshape(count, channels, height, width)
