"""Strengths of systems from comparisons of two: the model of Bradley and Terry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHRINKAGE = 0.02
"""Precision of a prior around 0, which gives a system that always wins a finite strength."""

STEPS = 50
NORMAL_95 = 1.959964
"""Half an interval of 95 %, in standard errors."""


@dataclass(frozen=True)
class PairedChoice:
    """One judgement between two systems."""

    # first, second: the systems
    first: str
    second: str
    share: float  # 1 if the first was better, 0 if the second was, 0.5 if neither


@dataclass(frozen=True)
class Strength:
    """Strength of a system."""

    system: str
    value: float  # logarithm of its odds against one of mean strength; all sum to 0
    # low, high: its interval, 95 %
    low: float
    high: float
    judgements: int  # number of judgements in which it took part


def strengths(comparisons: Sequence[PairedChoice]) -> list[Strength]:
    """Estimate strengths by maximum likelihood of independent judgements, the strongest first.

    Source: R. A. Bradley and M. E. Terry, Rank analysis of incomplete block designs, 1952."""
    every: set[str] = set()
    for one in comparisons:
        every |= {one.first, one.second}
    names = sorted(every)
    first = _places([one.first for one in comparisons], names)
    second = _places([one.second for one in comparisons], names)
    share = np.array([one.share for one in comparisons])
    values, curvature = _most_likely(names, second, first, share)
    values = values - values.mean()
    reach = NORMAL_95 * _errors(curvature)
    counts = np.bincount(np.concatenate([first, second]), minlength=len(names))
    low = (values - reach).tolist()
    high = (values + reach).tolist()
    rows = map(Strength, names, values.tolist(), low, high, counts.tolist())
    return sorted(rows, key=lambda one: (-one.value, one.system))


def _places(chosen: Sequence[str], names: Sequence[str]) -> NDArray[np.intp]:
    """The place of each system among the names."""
    place = {name: index for index, name in enumerate(names)}
    return np.array([place[name] for name in chosen], dtype=np.intp)


def _errors(curvature: Array) -> Array:
    """Standard errors of the strengths about their mean."""
    count = len(curvature)
    centre = np.eye(count) - 1 / count
    return np.sqrt(np.diag(centre @ np.linalg.inv(curvature) @ centre))


def _most_likely(
    names: list[str],
    second: NDArray[np.intp],
    first: NDArray[np.intp],
    share: Array,
) -> tuple[Array, Array]:
    """Strengths by Newton's method, and the curvature of the likelihood there."""
    values = np.zeros(len(names))
    curvature = np.eye(len(names))
    for _ in range(STEPS):
        odds = 1 / (1 + np.exp(values[second] - values[first]))
        slope = -SHRINKAGE * values
        np.add.at(slope, first, share - odds)
        np.add.at(slope, second, odds - share)
        curvature = _curvature(first, second, odds * (1 - odds), len(names))
        step = np.linalg.solve(curvature, slope)
        values = values + np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < 1e-9:
            break
    return values, curvature


def _curvature(
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    weight: Array,
    many: int,
) -> Array:
    curvature = SHRINKAGE * np.eye(many)
    np.add.at(curvature, (first, first), weight)
    np.add.at(curvature, (second, second), weight)
    np.add.at(curvature, (first, second), -weight)
    np.add.at(curvature, (second, first), -weight)
    return curvature
