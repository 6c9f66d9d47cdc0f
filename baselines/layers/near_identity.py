"""First weights by which a network that adds no picture at its end repeats its input.

A short training of such a network mostly learns to copy. With these weights it begins at a copy
instead. Before a sigmoid, the finest level of a U hands on max(0, x - knot) for some knots, and the
last layer adds these up to the inverse of the sigmoid. Errors are below 0.02 of white.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

__all__ = ["CARRYING", "hand_on", "repeat_input"]

KNOTS = (0.0, 0.1, 0.3, 0.7, 0.9)
COLOURS = 3
CARRYING = COLOURS * len(KNOTS)
"""Channels of the finest level that it takes; others keep their weights."""
LEAST = 0.004
"""Share of white below which, and above 1 minus which, a colour is not told from it."""


@torch.no_grad()
def repeat_input(
    first: Sequence[nn.Conv2d],
    last: Sequence[nn.Conv2d],
    out: nn.Conv2d,
    *,
    skip: int,
    gain: float = 1.0,
    offset: float = 0.0,
) -> None:
    """Set the layers of the finest level.

    Args:
        first: Its two 3 x 3 convolutions before the skip, each with a ReLU.
        last: Its two after the skip, each with a ReLU.
        out: The convolution to three colours.
        skip: Number of the skip's first channel in what ``last`` gets.
        gain: Factor on the picture, where it comes with another one.
        offset: Added to what ``out`` gives, where a ReLU follows.
    """
    enter, *others = first
    enter.weight[:CARRYING] = 0
    for channel in range(CARRYING):
        colour, knot = divmod(channel, len(KNOTS))
        enter.weight[channel, colour, 1, 1] = gain
        _bias(enter)[channel] = -KNOTS[knot]
    hand_on(others, CARRYING)
    hand_on(last[:1], CARRYING, skip)
    hand_on(last[1:], CARRYING)
    bias, *slopes = _inverse_sigmoid()
    out.weight.zero_()
    for channel in range(CARRYING):
        colour, knot = divmod(channel, len(KNOTS))
        out.weight[colour, channel, 1, 1] = slopes[knot]
    _bias(out).fill_(bias + offset)


@torch.no_grad()
def hand_on(layers: Sequence[nn.Conv2d], channels: int, begin: int = 0) -> None:
    """Make convolutions hand on their first channels; the other outputs keep their weights.

    Args:
        layers: The convolutions, of odd sides.
        channels: How many they hand on.
        begin: Number of the first of them in the input.
    """
    for layer in layers:
        middle = layer.kernel_size[0] // 2
        layer.weight[:channels] = 0
        _bias(layer)[:channels] = 0
        for channel in range(channels):
            layer.weight[channel, begin + channel, middle, middle] = 1


def _bias(layer: nn.Conv2d) -> torch.Tensor:
    if layer.bias is None:
        raise ValueError("the layer has no bias")
    return layer.bias


def _inverse_sigmoid() -> list[float]:
    """Constant and slopes whose sum is nearest the inverse of the sigmoid, weighed by its slope."""
    colour = np.linspace(0.0, 1.0, 1001)
    parts = np.stack([np.ones_like(colour), *(np.maximum(colour - k, 0) for k in KNOTS)], axis=1)
    inner = colour.clip(LEAST, 1 - LEAST)
    weight = inner * (1 - inner)
    wanted = np.log(inner / (1 - inner))
    found = np.linalg.lstsq(parts * weight[:, None], wanted * weight, rcond=None)[0]
    return [float(one) for one in found]
