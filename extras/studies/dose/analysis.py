"""Gains, shares and rankings of lines over the same scenes, with paired intervals.

The bootstrap is hierarchical: a resample draws the seeds of the trainings and, independently,
photographs, then scenes of each drawn photograph; all lines and protocols share the draws, so that
their differences are paired. Ends are those of the expanded percentile interval over as many
photographs as there are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.statistics.intervals import (
    expanded_tails,
    rank_correlations,
    resampled_means,
    scene_codes,
)

Array = NDArray[np.float64]
Origins = Sequence[str] | None
"""The photograph of each scene, by name; None if each scene stands for itself."""


@dataclass(frozen=True)
class Effect:
    """A value with its 95 % interval.

    Attributes:
        value: The value itself.
        low, high: Ends of the interval.
    """

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 if the interval lies on one side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)


def gain(line: Array, reference: Array, origins: Origins = None) -> Effect:
    """Mean difference of two lines.

    Args:
        line: ``(seeds, scenes)`` scores, dB; seed k of both lines drew its batches alike.
        reference: Same shape, or ``(1, scenes)`` of something that is not trained.
        origins: The photograph of each scene.

    Returns:
        The difference in the unit of the scores.
    """
    difference = line - reference
    codes = _codes(difference, origins)
    return _estimate(float(difference.mean()), _resampled(difference, codes), codes)


def added_bend(line: Array, reference: Array, origins: Origins = None) -> Effect:
    """Bend of straight lines that a line of trainings adds to that of another.

    Bends are root mean squares, to which noise adds in squares, so the squares are subtracted.

    Args:
        line: ``(seeds, scenes)`` bends, px.
        reference: Same shape, or ``(1, scenes)`` of something that is not trained.
        origins: The photograph of each scene.

    Returns:
        The root of the mean difference of the squares, px; negative where the lines are straighter.
    """
    squares = gain(np.square(line), np.square(reference), origins)
    return Effect(*map(_signed_root, (squares.value, squares.low, squares.high)))


def share_of_gap(line: Array, plain: Array, truth: Array, origins: Origins = None) -> Effect | None:
    """Share of the gap between plain loss and truth that a line closes.

    Args:
        line: ``(seeds, scenes)`` scores of the line, dB.
        plain: Same shape, the plain loss on displaced pairs.
        truth: Same shape, the plain loss on true pairs.
        origins: The photograph of each scene.

    Returns:
        A share: 0 for the plain loss, 1 for the truth; None if the gap's own interval reaches 0.
    """
    gap = gain(truth, plain, origins)
    if gap.sign != 1:
        return None
    codes = _codes(line, origins)
    shares = _resampled(line - plain, codes) / _resampled(truth - plain, codes)
    return _estimate(float((line - plain).mean()) / gap.value, shares, codes)


def agreement(
    protocol: Mapping[str, Array], truth: Mapping[str, Array], origins: Origins = None
) -> Effect | None:
    """Kendall's tau-b between the rankings of lines by a protocol and by the truth.

    Args:
        protocol: Scores ``(seeds, scenes)`` of each line under the protocol.
        truth: Scores of the same lines against the truth.
        origins: The photograph of each scene.

    Returns:
        1 for the same order, -1 for the reverse one; None with fewer than three lines, or where
        all lines score alike.
    """
    lines = list(truth)
    if len(lines) < 3:
        return None
    value = rank_correlations(*(_column(scores, lines) for scores in (protocol, truth)))[0]
    if not np.isfinite(value):
        return None
    codes = _codes(truth[lines[0]], origins)
    taus = rank_correlations(
        np.stack([_resampled(protocol[one], codes) for one in lines]),
        np.stack([_resampled(truth[one], codes) for one in lines]),
    )
    return _estimate(float(value), taus[np.isfinite(taus)], codes)


def _signed_root(square: float) -> float:
    return math.copysign(math.sqrt(abs(square)), square)


def _column(scores: Mapping[str, Array], lines: Sequence[str]) -> Array:
    """Means of the lines, ``(lines, 1)``."""
    return np.array([[scores[one].mean()] for one in lines])


def _codes(values: Array, origins: Origins) -> tuple[int, ...]:
    """Number of the photograph of each scene of ``(seeds, scenes)``."""
    return tuple(range(values.shape[1])) if origins is None else scene_codes(origins)


def _resampled(values: Array, codes: tuple[int, ...]) -> Array:
    """Means of ``(seeds, scenes)`` in each resample."""
    return np.asarray(resampled_means(values[None], codes)[0])


def _estimate(value: float, resamples: Array, codes: tuple[int, ...]) -> Effect:
    """One photograph knows nothing of others: its interval is that of two, all resamples."""
    low, high = np.quantile(resamples, expanded_tails(max(len(set(codes)), 2)))
    return Effect(value, float(low), float(high))
