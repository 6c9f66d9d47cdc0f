"""Blur larger than the map's network has seen, estimated in the reduced picture.

At full size a strong blur looks like a smooth thing in focus; reduced copies distinguish the two. A
small network weighs what was estimated at 1, 1/2, 1/4 and 1/8 of the size."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from defocus.storage.tensor_files import load_tensors

SCALES = (1, 2, 4, 8)
"""Factors by which the picture is reduced for each estimate."""
CELLS = 4
"""Side of a square that has one answer, in cells of the whole picture: 32 px."""
SQUARES = (1, 3, 7, 15)
"""Sides of the surroundings that are averaged around each answer, in squares of 32 px."""
MEASURES = 2 * len(SCALES) * len(SQUARES)
"""Number of values that the network gets for each square: averaged median and quantile of each
scale."""
WIDTH = 64
LEARNED = Path(__file__).with_name("large_blur.safetensors")
BEGIN_PX, END_PX = 20.0, 26.0
"""Circles of confusion, px, between which this answer gradually replaces the estimate from the
full-size picture, which is right up to about 24 px."""
CERTAIN, UNCERTAIN = 2.0, 3.0
"""Ratio of an answer's 95 % quantile to its median: below the first value it counts fully, above
the second not at all. A plain wall fits any blur."""
PLAIN_SQUARES = (31, 31)
"""Size of the surroundings, in squares, whose certain answers decide for a plain part: 992 px, the
width of a wall or sky."""
NEAR_SQUARES = (3, 7, 15, 31)
"""Sides of the surroundings, in squares, in which a plain part looks for what is in focus, the
nearest first: a plain part of a subject in focus belongs to the subject."""
SPREAD = 2.0
"""Trust in what a plain square took from its surroundings, as a multiple of the share of them that
was known."""
FAINT = 1e-4
"""Weight of an uncertain answer. It decides only where no answer around it is certain."""
SMALLEST_SQUARES = 3
"""Smallest width of a strongly blurred part, in squares (96 px); a narrower one is a mistake."""

Array = NDArray[np.float32]


class LargeBlurNetwork(nn.Module):
    """From the numbers of a square to the level, log2(1 + d), of its blur."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(MEASURES, WIDTH)
        self.second = nn.Linear(WIDTH, WIDTH)
        self.ending = nn.Linear(WIDTH, 2)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Median and 95 % quantile, ``(..., 2)``, from ``(..., 32)`` of :func:`surroundings`."""
        features = functional.relu(self.first(seen))
        features = functional.relu(self.second(features))
        median, further = self.ending(features).split(1, dim=-1)
        return torch.cat([median, median + functional.softplus(further)], dim=-1)


def with_large_blur(small: Array, scales: Mapping[int, Array]) -> tuple[Array, Array]:
    """The estimates ``(h, w, 2)`` in px with those of large blurs, and their share ``(h, w)``."""
    # ``scales``: what was estimated of the picture reduced by each factor, in its own pixels.
    large = large_blur(scales)
    large, share = _with_plain_parts(large, _in_focus(large, scales))
    rows, columns = small.shape[:2]
    wide = CELLS * large.shape[1], CELLS * large.shape[0]
    both = np.dstack([large, share])
    spread = cv2.resize(both, wide, interpolation=cv2.INTER_LINEAR)[:rows, :columns]
    kept = np.ascontiguousarray(spread[:, :, 2], np.float32)
    if not share.any():
        return small, kept
    mixed = small + kept[:, :, None] * (spread[:, :, :2] - small)
    return np.asarray(mixed, np.float32), kept


@torch.inference_mode()
def large_blur(scales: Mapping[int, Array]) -> Array:
    """``(h, w, 2)``: median and 95 % quantile of the diameter in each square of 32 px, px."""
    levels = _network()(torch.from_numpy(surroundings(scales)))
    diameters = torch.exp2(levels.clamp(min=0)) - 1
    return np.asarray(diameters.numpy(), np.float32)


def surroundings(scales: Mapping[int, Array]) -> Array:
    """``(h, w, 32)``: the levels of all scales in the squares around each square of 32 px."""
    rows, columns = (-(-side // CELLS) for side in scales[1].shape[:2])
    levels = []
    for factor in SCALES:
        level = np.log2(1 + scales[factor])
        levels.append(_on_squares(level, factor, rows, columns))
    stacked = np.concatenate(levels, axis=2)
    averages = [cv2.blur(stacked, (side, side)) for side in SQUARES]
    return np.concatenate(averages, axis=2, dtype=np.float32)


def _on_squares(
    level: Array,
    factor: int,
    rows: int,
    columns: int,
) -> Array:
    """Levels of the cells of a reduced picture at squares of 32 px of the whole one."""
    cells = CELLS / factor  # of the reduced picture, along a square
    size = max(1, round(level.shape[1] / cells)), max(1, round(level.shape[0] / cells))
    if cells >= 1:
        pooled = _block_means(level, int(cells))
    else:
        pooled = np.asarray(
            cv2.resize(level, size, interpolation=cv2.INTER_LINEAR),
            np.float32,
        )
    below = max(0, rows - pooled.shape[0])
    right = max(0, columns - pooled.shape[1])
    padded = np.pad(pooled, ((0, below), (0, right), (0, 0)), mode="edge")
    return np.asarray(padded[:rows, :columns], np.float32)


def _block_means(level: Array, side: int) -> Array:
    below, right = (-length % side for length in level.shape[:2])
    padded = np.pad(level, ((0, below), (0, right), (0, 0)), mode="edge")
    rows, columns = (length // side for length in padded.shape[:2])
    blocks = padded.reshape(rows, side, columns, side, -1)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _with_plain_parts(large: Array, focused: Array) -> tuple[Array, Array]:
    """The answers, and how much each counts; a plain part takes those of the parts around it.

    ``focused``: ``(h, w)`` in [0, 1], how surely each square is in focus."""
    strong = _strong(large[:, :, :1])
    certain = _certain(large)[:, :, None]
    both = np.dstack([np.log2(1 + large), strong])
    around = _around(both, certain)
    near = _near_focus(focused, certain[:, :, 0])[:, :, None]
    own = np.maximum(certain, near * (1 - strong))
    mixed = both + (1 - own) * (around - both)
    enough = _opened(certain * strong) > 0
    share = np.where(enough.any(), _opened(mixed[:, :, 2]), 0)
    filled = np.exp2(mixed[:, :, :2]) - 1
    return np.asarray(filled, np.float32), np.asarray(share, np.float32)


def _around(answers: Array, certain: Array) -> Array:
    """Means of the certain answers ``(h, w, n)`` around each square."""
    weight = np.maximum(certain, FAINT)
    weights = cv2.blur(weight, PLAIN_SQUARES)[:, :, None]
    means = cv2.blur(weight * answers, PLAIN_SQUARES) / weights
    return np.asarray(means, np.float32)


def _strong(diameter_px: Array) -> Array:
    """In [0, 1]: whether blurs of these diameters are strong ones, which this network answers."""
    share = (diameter_px - BEGIN_PX) / (END_PX - BEGIN_PX)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _in_focus(large: Array, scales: Mapping[int, Array]) -> Array:
    """``(h, w)`` in [0, 1]: how surely each square has detail without a strong blur.

    In focus, an answer has a wide ratio of quantile to median, as a plain wall has; but both are
    small. Noise on a wall looks so too, but not at an eighth of the size, where it is gone."""
    rows, columns = large.shape[:2]
    reduced = _on_squares(scales[SCALES[-1]], SCALES[-1], rows, columns)
    highest = np.maximum(large[:, :, 1], reduced[:, :, 1])
    return 1 - _strong(highest)


def _near_focus(focused: Array, certain: Array) -> Array:
    """``(h, w)`` in [0, 1]: how surely a square, or what is nearest to it, is in focus."""
    weight = np.maximum(np.maximum(certain, focused), FAINT)
    for side in NEAR_SQUARES:
        square = (side, side)
        known = cv2.blur(weight, square)
        around = cv2.blur(weight * focused, square) / known
        focused = focused + (1 - weight) * (around - focused)
        weight = np.maximum(weight, np.minimum(SPREAD * known, 1))
    return focused


def _certain(large: Array) -> Array:
    """``(h, w)`` in [0, 1]: how surely each square says something of its blur."""
    multiple = (1 + large[:, :, 1]) / (1 + large[:, :, 0])
    return np.asarray(
        np.clip((UNCERTAIN - multiple) / (UNCERTAIN - CERTAIN), 0, 1),
        np.float32,
    )


def _opened(share: Array) -> Array:
    """A map of squares without parts that are narrower than :data:`SMALLEST_SQUARES`."""
    square = np.ones((SMALLEST_SQUARES, SMALLEST_SQUARES), np.uint8)
    return np.asarray(cv2.morphologyEx(share, cv2.MORPH_OPEN, square), np.float32)


@cache
def _network() -> LargeBlurNetwork:
    network = LargeBlurNetwork().eval()
    network.load_state_dict(load_tensors(LEARNED))
    return network
