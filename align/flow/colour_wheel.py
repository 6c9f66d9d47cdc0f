"""Middlebury colour wheel of a flow."""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from defocus.align.arrays import Bytes, Doubles

_RAMPS = (15, 6, 4, 11, 13, 6)
"""Steps from red to yellow, green, cyan, blue, magenta and back to red."""


def colour_wheel() -> Doubles:
    """``(55, 3)`` RGB, 0..255: hues of the flow directions (Baker et al., IJCV 2011)."""
    rows = []
    for index, steps in enumerate(_RAMPS):
        rising = 255.0 * np.arange(steps) / steps
        ramp = np.floor(rising)
        full, moving = divmod(index, 2)
        following = (full + 1) % 3
        colours = np.zeros((steps, 3))
        if moving == 0:  # a new channel rises beside the full one
            colours[:, full] = 255.0
            colours[:, following] = ramp
        else:  # the old channel falls
            colours[:, following] = 255.0
            colours[:, full] = 255.0 - ramp
        rows.append(colours)
    return np.concatenate(rows)


def flow_colour(flow: NDArray[np.floating[Any]]) -> Bytes:
    """Direction as hue, magnitude over the picture's largest as saturation; still is white."""
    u, v = flow.astype(np.float64)
    length = np.sqrt(u**2 + v**2)
    largest = length.max() + 1e-5
    u = u / largest
    v = v / largest
    hue = _hues(v, u)
    radius = np.sqrt(u**2 + v**2)
    radius = radius[:, :, None]
    missing = radius * (1.0 - hue)
    colours = np.floor(255.0 * (1.0 - missing))
    return np.asarray(colours, dtype=np.uint8)


def _hues(v: Doubles, u: Doubles) -> Doubles:
    """``(h, w, 3)``: the colour of each direction, RGB in [0, 1]."""
    wheel = colour_wheel()
    hues = len(wheel)
    turn = np.arctan2(-v, -u) / np.pi  # from -1 to 1
    position = (turn + 1.0) / 2.0 * (hues - 1)
    below = np.floor(position).astype(int)
    above = (below + 1) % hues
    part = position - below
    part = part[:, :, None]
    colours = (1.0 - part) * wheel[below] + part * wheel[above]
    return np.asarray(colours / 255.0)


def flow_grey(flow: torch.Tensor) -> torch.Tensor:
    """Grey of the colour-wheel picture, ``(N, 1, H, W)`` float32 in 0..255, whole numbers."""
    greys = []
    for one in flow.detach().cpu().numpy():
        colours = flow_colour(one)
        greys.append(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))
    stacked = np.stack(greys)[:, None]
    grey = torch.from_numpy(stacked.astype(np.float32))
    return grey.to(flow.device)
