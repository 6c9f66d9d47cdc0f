"""Signs that restored pictures were not made by the network: leaks of the truth, swapped scenes."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from defocus.likeness import fingerprint
from defocus.pictures.values import as_integer

MOST_LEAKED = 0.025
"""Largest honest share of the sharp picture's finest detail in all restored pictures together. No
network restores detail that blur has erased but by chance, which differs from block to block."""

MOST_LEAKED_IN_ONE = 0.03
"""Largest honest share in a single picture, which has fewer blocks. Some honest pictures exceed it
by luck, so pictures of a system whose weights are at hand are restored again before anybody is
accused."""

BLOCK_PX = 24
LEAST_DETAIL = 2 / 255
"""Least root mean square of the finest detail in a block of the sharp picture that counts."""

LEAST_ERASED = 0.02
"""Share of a block's detail that passed the blur, below which the block counts as erased."""

FILTER_PX = 7
FEWEST_BLOCKS = 8
LOW_QUANTILE = 0.25

Picture = NDArray[np.float64]


def leaked_shares(restored: Picture, blurry: Picture, sharp: Picture) -> list[float]:
    """The share of the sharp picture's finest detail that is in a restored one, block by block.

    1: all of it; 0: nothing; empty if no block counts. All are ``(H, W, 3)``, not clamped."""
    # The diagonal differences of 2 x 2 pixels, where the sharp picture has some and the blurry one
    # none. The share is from least squares by it and by the blurry detail at 7 x 7 places around:
    # what a filter brings out of the little that passed the blur is no leak.
    out = _finest(restored)
    seen = _finest(blurry)
    true = _finest(sharp)
    near = np.pad(seen, FILTER_PX // 2, mode="reflect")
    height, width = out.shape
    tops = range(0, height - BLOCK_PX + 1, BLOCK_PX)
    lefts = range(0, width - BLOCK_PX + 1, BLOCK_PX)
    leaks = []
    for top, left in product(tops, lefts):
        block = np.s_[top : top + BLOCK_PX, left : left + BLOCK_PX]
        detail = true[block]
        if not _is_erased(detail, seen[block]):
            continue
        own, leaked = _shares(near, top, left, detail, out[block])
        if own * own > _energy(detail) / 2:  # no filter of the blurry one makes it
            leaks.append(leaked / own)
    return leaks


def _is_erased(detail: Picture, before: Picture) -> bool:
    """Whether the sharp picture has detail in a block that the blurry one has lost."""
    energy = _energy(detail)
    if energy < LEAST_DETAIL**2 * detail.size:
        return False
    passed = float((before * detail).sum())
    return abs(passed) <= LEAST_ERASED * energy


def _energy(detail: Picture) -> float:
    return float((detail * detail).sum())


def _shares(
    near: Picture,
    top: int,
    left: int,
    detail: Picture,
    restored: Picture,
) -> tuple[float, float]:
    """Detail of a block beyond filters of the blurry picture: the sharp one's, and leaked."""
    size = BLOCK_PX + FILTER_PX - 1
    part = near[top : top + size, left : left + size]
    shifts = sliding_window_view(part, (BLOCK_PX, BLOCK_PX))
    around = shifts.reshape(FILTER_PX**2, -1)
    columns = np.vstack([around, detail.ravel(), restored.ravel()]).T
    triangle = np.asarray(np.linalg.qr(columns, mode="r"))
    own, leaked = triangle[-2, -2:].tolist()
    return own, leaked


def low_share(shares: Sequence[float]) -> float | None:
    """The share that three quarters of the blocks exceed; None if there are too few blocks."""
    if len(shares) < FEWEST_BLOCKS:
        return None
    return float(np.quantile(shares, LOW_QUANTILE))


def looks_like(restored: Picture, pictures: Sequence[Picture]) -> int:
    """Which of some pictures a restored one shows: the index of the best correlated thumbnail."""
    thumbnail = _thumbnail(restored)
    correlations = []
    for picture in pictures:
        overlap = thumbnail * _thumbnail(picture)
        correlations.append(float(overlap.sum()))
    return int(np.argmax(correlations))


def _thumbnail(picture: Picture) -> NDArray[np.float32]:
    stored = as_integer(np.clip(picture, 0.0, 1.0), 8)
    return fingerprint(stored).thumbnail


def _finest(picture: Picture) -> Picture:
    grey = picture.mean(axis=2)
    upper_left = grey[:-1, :-1]
    upper_right = grey[:-1, 1:]
    lower_left = grey[1:, :-1]
    lower_right = grey[1:, 1:]
    finest = upper_left - upper_right - lower_left + lower_right
    return np.asarray(finest / 2)
