"""Pairing of consecutive shots by their numbers."""

from collections.abc import Sequence

import numpy as np

__all__ = ["by_number"]

APART = 2
"""A blurry and a sharp shot of one scene have numbers that differ by two at most."""

UNPAIRED = 1000.0


def by_number(blurry: Sequence[int], sharp: Sequence[int]) -> list[int | None]:
    """Index of the sharp shot of each blurry one, or None; both numbers ascend."""
    # Equally many are paired in turn. Otherwise the assignment with the fewest unpaired shots, and
    # then the smallest differences, is used; the partner of an unpaired shot is missing.
    if len(blurry) == len(sharp) and all(
        abs(a - b) <= APART for a, b in zip(blurry, sharp, strict=True)
    ):
        return list(range(len(blurry)))
    if not blurry or not sharp:
        return [None] * len(blurry)
    from scipy.optimize import linear_sum_assignment  # a third of a second, for few datasets

    apart = np.abs(np.subtract.outer(np.array(blurry), np.array(sharp)))
    cost = np.where(apart <= APART, apart.astype(float) ** 2, UNPAIRED)
    matched: list[int | None] = [None] * len(blurry)
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if cost[row, column] < UNPAIRED:
            matched[int(row)] = int(column)
    return matched
