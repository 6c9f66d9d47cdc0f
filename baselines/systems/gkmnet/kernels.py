"""Banks of Gaussians, as fixed tensors that no state dict has.

Bank i has sigma 0.25 (i + 1) px on a support that grows from 3 to 21 px. All kernels are
separable, so that a bank costs two one-dimensional passes.
"""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad

__all__ = ["COUNT", "GroupedBank", "InterleavedBank"]

COUNT = 21
"""Gaussians of a whole bank; a delta comes before them."""
SIDE = 21
COLOURS = 3
SIGMA_STEP_PX = 0.25


def _taps(gaussians: int) -> list[list[float]]:
    """The bank's kernels in one dimension, in the middle of ``SIDE`` taps."""
    # Fewer Gaussians are evenly spaced ones of the whole bank; the widest is always there.
    delta = [0.0] * SIDE
    delta[SIDE // 2] = 1.0
    picked = (round((place + 1) * COUNT / gaussians) - 1 for place in range(gaussians))
    return [delta, *(_gaussian(number) for number in picked)]


def _gaussian(number: int) -> list[float]:
    radius = min(SIDE, 3 + int(number * 18 / 19) // 2 * 2) // 2
    sigma = SIGMA_STEP_PX * (number + 1)
    inside = [math.exp(-(place**2) / (2 * sigma**2)) for place in range(-radius, radius + 1)]
    outside = [0.0] * (SIDE // 2 - radius)
    return [*outside, *(value / sum(inside) for value in inside), *outside]


class _Bank(nn.Module):
    """Separable filters in a row, one kernel of the bank and one colour for each channel."""

    # Colours ascend or repeat, with equally many channels per colour.

    taps: torch.Tensor
    colours: torch.Tensor

    def __init__(self, gaussians: int, kernels: Sequence[int], colours: Sequence[int]) -> None:
        super().__init__()
        bank = _taps(gaussians)
        taps = torch.tensor([bank[number] for number in kernels])
        self.register_buffer("taps", taps, persistent=False)
        self.register_buffer("colours", torch.tensor(colours), persistent=False)

    def filtered(self, padded: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H + 20, W + 20)`` to ``(N, channels, H, W)``."""
        channels = len(self.taps)
        # not by brackets, whose gradient is slow
        picked = padded.index_select(1, self.colours)
        picked = picked.to(self.taps.dtype, memory_format=torch.channels_last)
        # in bf16 a CPU takes minutes for some numbers of channels, and Gaussians are not learned
        with torch.autocast(picked.device.type, enabled=False):
            rows = functional.conv2d(picked, self.taps[:, None, None, :], groups=channels)
            return functional.conv2d(rows, self.taps[:, None, :, None], groups=channels)


class GroupedBank(_Bank):
    """The released grouping: 22 channels per colour, and no colour sees the whole bank of 21."""

    # Each kernel was repeated three times in a row and then given to a convolution of three groups:
    # channel j has kernel j // 3 and colour j // 22. Red gets the narrow third of the bank, blue
    # the wide one, each kernel in about three channels; only the 24 different ones are computed
    # here.

    places: torch.Tensor

    def __init__(self, gaussians: int = COUNT) -> None:
        bank = gaussians + 1
        pairs = [(row // COLOURS, row // bank) for row in range(COLOURS * bank)]
        different = sorted(set(pairs), key=lambda pair: (pair[1], pair[0]))
        super().__init__(gaussians, *zip(*different, strict=True))
        places = torch.tensor([different.index(pair) for pair in pairs])
        self.register_buffer("places", places, persistent=False)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)``, black outside, to ``(N, 66, H, W)``."""
        radius = SIDE // 2
        padded = pad(picture, (radius, radius, radius, radius), "zeros")
        return self.filtered(padded).index_select(1, self.places)

    @staticmethod
    def spread(weights: torch.Tensor) -> torch.Tensor:
        """From a weight per kernel, ``(N, 22, H, W)``, to one per channel."""
        return weights.repeat(1, COLOURS, 1, 1)


class InterleavedBank(_Bank):
    """Corrected grouping: every colour sees every kernel; reflection padding."""

    def __init__(self, gaussians: int = COUNT) -> None:
        rows = range(COLOURS * (gaussians + 1))
        kernels, colours = [row // COLOURS for row in rows], [row % COLOURS for row in rows]
        super().__init__(gaussians, kernels, colours)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """From ``(N, 3, H, W)`` to ``(N, 66, H, W)``."""
        radius = SIDE // 2
        return self.filtered(pad(picture, (radius, radius, radius, radius)))

    @staticmethod
    def spread(weights: torch.Tensor) -> torch.Tensor:
        """From a weight per kernel, ``(N, 22, H, W)``, to one per channel."""
        return weights.repeat_interleave(COLOURS, dim=1)
