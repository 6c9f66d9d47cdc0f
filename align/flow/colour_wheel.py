"""Middlebury colour wheel of a flow."""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

_RAMPS = (15, 6, 4, 11, 13, 6)
"""Steps from red to yellow, green, cyan, blue, magenta and back to red."""


def colour_wheel() -> NDArray[np.float64]:
    """``(55, 3)`` RGB, 0..255: hues of the flow directions (Baker et al., IJCV 2011)."""
    rows = []
    for index, steps in enumerate(_RAMPS):
        ramp = np.floor(255.0 * np.arange(steps) / steps)
        full, moving = divmod(index, 2)
        colours = np.zeros((steps, 3))
        if moving == 0:  # a new channel rises beside the full one
            colours[:, full] = 255.0
            colours[:, (full + 1) % 3] = ramp
        else:  # the old channel falls
            colours[:, (full + 1) % 3] = 255.0
            colours[:, full] = 255.0 - ramp
        rows.append(colours)
    return np.concatenate(rows)


def flow_colour(flow: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Direction as hue, magnitude over the picture's largest as saturation; still is white."""
    u, v = flow.astype(np.float64)
    length = np.sqrt(u**2 + v**2)
    largest = length.max() + 1e-5
    u = u / largest
    v = v / largest
    hue = _hues(v, u)
    radius = np.sqrt(u**2 + v**2)
    radius = radius[:, :, None]
    colours = np.floor(255.0 * (1.0 - radius * (1.0 - hue)))
    return np.asarray(colours, dtype=np.uint8)


def _hues(v: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(h, w, 3)``: the colour of each direction, RGB in [0, 1]."""
    wheel = colour_wheel()
    turn = np.arctan2(-v, -u) / np.pi  # from -1 to 1
    position = (turn + 1.0) / 2.0 * (len(wheel) - 1)
    below = np.floor(position).astype(int)
    above = (below + 1) % len(wheel)
    part = (position - below)[:, :, None]
    colours = (1.0 - part) * wheel[below] + part * wheel[above]
    return np.asarray(colours / 255.0)


def flow_grey(flow: torch.Tensor) -> torch.Tensor:
    """Grey of the colour-wheel picture, ``(N, 1, H, W)`` float32 in 0..255, whole numbers."""
    greys = [
        cv2.cvtColor(flow_colour(one), cv2.COLOR_RGB2GRAY)
        for one in flow.detach().cpu().numpy()
    ]
    stacked = np.stack(greys)[:, None]
    return torch.from_numpy(stacked.astype(np.float32)).to(flow.device)
