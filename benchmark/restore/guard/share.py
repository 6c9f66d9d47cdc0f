"""The share of a change that is worth keeping, learned.

What is soft by itself (fur, a portrait) looks as a blurred picture does, and one picture does not
tell for sure. But the details of all sizes, before restoring and behind it, near and around, tell
what is likely: behind a small blur only the finest are weak, and restoring makes them as strong as
in photographs. So a small network gives the share of the change that leaves the least error in the
mean.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from defocus.benchmark.restore.blur_map.estimate import enlarged, in_strips
from defocus.benchmark.restore.blur_map.network import CELL_PX, FAINT, details

__all__ = ["LEARNED", "share_network", "share_worth_keeping", "surroundings"]

LEARNED = Path(__file__).with_name("share.safetensors")
NEAR_CELLS, FAR_CELLS = 7, 31
"""Sides of the squares around a cell of 8 x 8 px: 56 and 248 px."""
MEASURES = 27
WIDTH = 32

Array = NDArray[np.float32]


def share_worth_keeping(blurry: Array, restored: Array) -> Array:
    """``(H, W)`` in [0, 1]: how much of the change to keep at each pixel.

    Args:
        blurry: ``(H, W, 3)`` in [0, 1], as it was given.
        restored: ``(H, W, 3)``.
    """
    with torch.inference_mode():
        share = torch.sigmoid(_network()(torch.from_numpy(surroundings(blurry, restored))))
    return enlarged(np.ascontiguousarray(share[:, :, 0].numpy()), blurry.shape[:2])


def surroundings(blurry: Array, restored: Array) -> Array:
    """``(h, w, 54)``: details and change around each cell, in a small and in a large square."""
    cells = in_strips(_measured, blurry, restored)
    squares = [cv2.blur(cells, (side, side)) for side in (NEAR_CELLS, FAR_CELLS)]
    return np.concatenate(squares, axis=2, dtype=np.float32)


def _measured(blurry: torch.Tensor, restored: torch.Tensor) -> torch.Tensor:
    """Details before and behind, and the mean and the largest change, logarithms."""
    change = (restored - blurry).abs().mean(dim=1, keepdim=True)
    found = [
        functional.avg_pool2d(change, CELL_PX, ceil_mode=True),
        functional.max_pool2d(change, CELL_PX, ceil_mode=True),
    ]
    changes = [torch.log2(one + FAINT) / 4 for one in found]
    return torch.cat([details(blurry), details(restored)[:, 1:], *changes], dim=1)


def share_network() -> nn.Sequential:
    """From the 54 numbers of a cell to what becomes its share through a sigmoid."""
    return nn.Sequential(
        nn.Linear(2 * MEASURES, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, 1),
    )


@cache
def _network() -> nn.Sequential:
    network = share_network().eval()
    network.load_state_dict(load_file(LEARNED))
    return network
