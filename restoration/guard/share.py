"""The share of a change that is worth keeping, from a small network that has learned it.

Soft content (fur, a portrait) looks like a blurred picture, in which the finest details are weak.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from defocus.blur.learned_map import CELL_PX, FAINT, details, in_strips
from defocus.storage.tensor_files import load_tensors
from defocus.strips import Colours, strips

LEARNED = Path(__file__).with_name("share.safetensors")
NEAR_CELLS, FAR_CELLS = 7, 31
"""Sides of the two squares around a cell of 8 x 8 px: 56 and 248 px."""
MEASURES = 27
WIDTH = 32
ENOUGH = 0.55
"""Predicted share from which the whole change is kept, so that a restoration that is likely to be
good is left alone. Where it is not good, this costs little."""

Array = NDArray[np.float32]


def share_worth_keeping(blurry: Colours, restored: Colours) -> Array:
    """``(h, w)`` in [0, 1]: how much of the change to keep in each cell."""
    near, far = _near_and_far(blurry, restored)
    shares = [_share(near[rows], far[rows]) for rows in strips(len(near))]
    height, width = blurry.shape[:2]
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    return np.ascontiguousarray(np.concatenate(shares)[:rows, :columns])


@torch.inference_mode()
def _share(near: Array, far: Array) -> Array:
    """Shares of some rows of cells at a time: the layers of all rows would take 1 GB."""
    seen = torch.from_numpy(np.concatenate([near, far], axis=2))
    share = torch.sigmoid(_network()(seen))
    return (share[:, :, 0] / ENOUGH).clamp(max=1).numpy()


def surroundings(blurry: Colours, restored: Colours) -> Array:
    """``(h, w, 54)``: details and change around each cell, in a small and in a large square."""
    return np.concatenate(_near_and_far(blurry, restored), axis=2)


def _near_and_far(blurry: Colours, restored: Colours) -> tuple[Array, Array]:
    """``(h, w, 27)`` each."""
    cells = in_strips(_measured, blurry, restored)
    near = cv2.blur(cells, (NEAR_CELLS, NEAR_CELLS))
    far = cv2.blur(cells, (FAR_CELLS, FAR_CELLS))
    return np.asarray(near, np.float32), np.asarray(far, np.float32)


def _measured(blurry: torch.Tensor, restored: torch.Tensor) -> torch.Tensor:
    """Details before and behind, and the mean and the largest change, logarithms."""
    changes = _mean_and_largest_change(blurry, restored)
    return torch.cat([details(blurry), details(restored)[:, 1:], *changes], dim=1)


def _mean_and_largest_change(
    blurry: torch.Tensor,
    restored: torch.Tensor,
) -> list[torch.Tensor]:
    """Mean and largest change of each cell, as logarithms."""
    change = _change(blurry, restored)
    pooled = [
        functional.avg_pool2d(change, CELL_PX, ceil_mode=True),
        functional.max_pool2d(change, CELL_PX, ceil_mode=True),
    ]
    return [torch.log2(one + FAINT) / 4 for one in pooled]


def _change(blurry: torch.Tensor, restored: torch.Tensor) -> torch.Tensor:
    """``(N, 1, H, W)``: the mean over the colours; one after the other, as copies are large."""
    total = torch.zeros_like(blurry[:, :1], memory_format=torch.contiguous_format)
    for colour in range(3):
        plane = slice(colour, colour + 1)
        total += (restored[:, plane] - blurry[:, plane]).abs_()
    return total.div_(3)


class ShareNetwork(nn.Module):
    """Network from the 54 numbers of a cell to the logit of its share."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2 * MEASURES, WIDTH)
        self.second = nn.Linear(WIDTH, WIDTH)
        self.ending = nn.Linear(WIDTH, 1)
        nn.init.zeros_(self.ending.weight)
        nn.init.constant_(self.ending.bias, 2.0)  # begins with nearly all of the change

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """From ``(..., 54)`` of :func:`surroundings` to ``(..., 1)``."""
        share: torch.Tensor = self.ending(
            functional.relu(self.second(functional.relu(self.first(seen))))
        )
        return share


@cache
def _network() -> ShareNetwork:
    network = ShareNetwork().eval()
    network.load_state_dict(load_tensors(LEARNED))
    return network
