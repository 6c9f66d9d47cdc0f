"""Gains, shares and rankings of lines over the same scenes, with paired expanded intervals.

A resample draws seeds and photographs, then scenes of each; all lines share the draws."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.statistics.resampling import (
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
    """A value with its 95 % interval."""

    value: float  # the value itself
    # low, high: ends of the interval
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 if the interval lies on one side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)


def gain(line: Array, reference: Array, origins: Origins = None) -> Effect:
    """Mean difference of two lines, ``(seeds, scenes)``, or a reference of ``(1, scenes)``.

    Seed k of both lines drew its batches alike; ``origins`` is the photograph of each scene."""
    difference = line - reference
    codes = _codes(difference, origins)
    return _estimate(float(difference.mean()), _resampled(difference, codes), codes)


def added_bend(line: Array, reference: Array, origins: Origins = None) -> Effect:
    """Bend of straight lines, px, that trainings add to that of others; < 0: they are straighter.

    Bends are root mean squares, to which noise adds in squares, so the squares are subtracted."""
    squares = gain(np.square(line), np.square(reference), origins)
    return Effect(*map(_signed_root, (squares.value, squares.low, squares.high)))


def share_of_gap(
    line: Array,
    plain: Array,
    truth: Array,
    origins: Origins = None,
) -> Effect | None:
    """Share of the gap between plain loss (0) and truth (1) that a line closes.

    All are ``(seeds, scenes)``, dB; None if the gap's own interval reaches 0."""
    gap = gain(truth, plain, origins)
    if gap.sign != 1:
        return None
    codes = _codes(line, origins)
    shares = _resampled(line - plain, codes) / _resampled(truth - plain, codes)
    return _estimate(float((line - plain).mean()) / gap.value, shares, codes)


def agreement(
    protocol: Mapping[str, Array],
    truth: Mapping[str, Array],
    origins: Origins = None,
) -> Effect | None:
    """Kendall's tau-b between the rankings of lines, ``(seeds, scenes)``, by protocol and truth.

    None with fewer than three lines, or where all lines score alike."""
    lines = list(truth)
    if len(lines) < 3:
        return None
    value = rank_correlations(_column(protocol, lines), _column(truth, lines))[0]
    if not np.isfinite(value):
        return None
    codes = _codes(truth[lines[0]], origins)
    taus = rank_correlations(
        _resampled_lines(protocol, lines, codes),
        _resampled_lines(truth, lines, codes),
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


def _resampled_lines(
    scores: Mapping[str, Array],
    lines: Sequence[str],
    codes: tuple[int, ...],
) -> Array:
    """Means of the lines in each resample, ``(lines, resamples)``."""
    return np.stack([_resampled(scores[line], codes) for line in lines])


def _estimate(value: float, resamples: Array, codes: tuple[int, ...]) -> Effect:
    """The value with its interval; for a single photograph, the interval of two is taken."""
    low, high = np.quantile(resamples, expanded_tails(max(len(set(codes)), 2)))
    return Effect(value, float(low), float(high))
