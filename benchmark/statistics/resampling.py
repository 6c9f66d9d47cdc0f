"""Uncertainty of mean scores and differences: bootstrap, paired permutation test, ranks.

Pictures of a scene resemble each other, so scenes are drawn, and swapped, first and as a whole."""

import functools
import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


def rank_correlations(one: Array, other: Array) -> Array:
    """Kendall's tau-b of every column, -1 to 1; NaN where all systems of either are equal."""
    # Sum of a * b / sqrt(sum of a² * sum of b²) over all pairs of systems; a and b are the signs of
    # a pair's differences. Source: M. G. Kendall, The treatment of ties in ranking problems, 1945.
    first, second = np.triu_indices(len(one), 1)
    a = np.sign(one[first] - one[second])
    b = np.sign(other[first] - other[second])
    agreed = (a * b).sum(axis=0)
    untied_in_one = (a * a).sum(axis=0)
    untied_in_other = (b * b).sum(axis=0)
    untied = np.sqrt(untied_in_one * untied_in_other)
    undefined = np.full(agreed.shape, np.nan)
    tau = np.divide(agreed, untied, out=undefined, where=untied > 0)
    return np.asarray(tau, np.float64)


MINIMUM_SCENES = 10
"""Least number of scenes for an interval: with fewer, it would promise more than the data hold."""

CONFIDENCE = 0.95
RESAMPLES = 1000
PERMUTATIONS = 9999
PERMUTATIONS_PER_PAIR = 80
"""Number of random swaps for each pair of systems. Holm's correction multiplies the least p-value
by the number of pairs: with fewer than 20 swaps a pair, no difference could be significant."""
EXACT_SCENES = 16
"""Number of scenes up to which all swaps are tried."""
POWER = 0.8
"""Probability with which a minimum detectable difference is detected."""


def scene_codes(scenes: Sequence[str]) -> tuple[int, ...]:
    """Number the scenes in the order in which they appear."""
    codes: dict[str, int] = {}
    return tuple(codes.setdefault(scene, len(codes)) for scene in scenes)


@functools.lru_cache(maxsize=16)
def _picture_weights(codes: tuple[int, ...]) -> Array:
    """Share of each picture in each resample, ``(RESAMPLES, pictures)``."""
    # Scenes are drawn with replacement, then in each drawn scene as many pictures as it has.
    random = np.random.default_rng(0)
    scene_of = np.array(codes)
    sizes = np.bincount(codes)
    times = _times_drawn(random, len(sizes))
    weights = np.asarray(times[:, scene_of], dtype=np.float64)
    for scene in np.flatnonzero(sizes > 1):
        size = int(sizes[scene])
        draws = times[:, scene] * size
        equal = np.full(size, 1 / size)
        weights[:, scene_of == scene] = random.multinomial(draws, equal)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _times_drawn(random: np.random.Generator, scenes: int) -> NDArray[np.intp]:
    """How often each scene is drawn in each resample, ``(RESAMPLES, scenes)``."""
    drawn = random.integers(0, scenes, (RESAMPLES, scenes))
    # each resample counts in bins of its own
    first_bins = np.arange(RESAMPLES)[:, None] * scenes
    bins = (drawn + first_bins).ravel()
    times = np.bincount(bins, minlength=RESAMPLES * scenes)
    return times.reshape(RESAMPLES, scenes)


@functools.lru_cache(maxsize=16)
def _seed_weights(seeds: int) -> Array:
    """Share of each seed in each resample, ``(RESAMPLES, seeds)``."""
    random = np.random.default_rng(1)
    drawn = random.integers(0, seeds, (RESAMPLES, seeds))
    is_drawn = drawn[:, :, None] == np.arange(seeds)
    times = is_drawn.sum(axis=1)
    return np.asarray(times / seeds, dtype=np.float64)


def resampled_means(values: Array, codes: tuple[int, ...]) -> Array:
    """The mean score in every resample, ``(lines, RESAMPLES)``, of ``(lines, seeds, pictures)``."""
    # Seeds are drawn once for all pictures. All lines use the same resamples, so their differences
    # are paired.
    seeds = values.shape[1]
    weights = _picture_weights(codes)
    if seeds == 1:
        return np.asarray(values[:, 0] @ weights.T)
    of_seeds = values @ weights.T
    means = np.einsum("lsr,rs->lr", of_seeds, _seed_weights(seeds))
    return np.asarray(means)


def mean_intervals(values: Array, codes: tuple[int, ...]) -> Array | None:
    """Intervals ``(lines, 2)`` of means of ``(lines, seeds, pictures)``; None with few scenes."""
    scenes = len(set(codes))
    if scenes < MINIMUM_SCENES:
        return None
    means = resampled_means(values, codes)
    ends = np.quantile(means, expanded_tails(scenes), axis=1, overwrite_input=True)
    return np.ascontiguousarray(ends.T)


def interval_of_mean(
    values: Array,
    codes: tuple[int, ...],
) -> tuple[float, float] | None:
    """The interval of the mean of one number per picture; None with few scenes."""
    intervals = mean_intervals(values[None, None], codes)
    if intervals is None:
        return None
    low, high = intervals[0]
    return float(low), float(high)


def expanded_tails(scenes: int) -> tuple[float, float]:
    """Quantiles of the resamples between which an interval is, for two scenes or more."""
    # Expanded percentiles correct the bootstrap's too narrow intervals with few scenes: for n
    # scenes, Phi(sqrt(n / (n - 1)) * t), with the quantile t of Student's distribution. Source:
    # Hesterberg, What Teachers Should Know About the Bootstrap, 2015, section 5.3.
    freedom = scenes - 1
    outside = (1 - CONFIDENCE) / 2
    quantile = float(special.stdtrit(freedom, outside))
    widening = math.sqrt(scenes / freedom)
    tail = float(special.ndtr(widening * quantile))
    return tail, 1 - tail


def scene_sums(values: Array, codes: tuple[int, ...]) -> Array:
    """Sums over each scene's pictures: ``(lines, pictures)`` becomes ``(lines, scenes)``."""
    scenes = np.arange(max(codes) + 1)
    is_member = np.array(codes)[:, None] == scenes
    return np.asarray(values @ is_member.astype(np.float64))


def paired_p_values(sums: Array) -> Array:
    """Two-sided p-values of every pair of systems, by swapping both systems on whole scenes."""
    # They are exact up to ``EXACT_SCENES`` scenes, else from random swaps, including the
    # observed one. Source: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005,
    # section 3.
    systems, scenes = sums.shape
    pairs = systems * (systems - 1) // 2
    swaps = max(PERMUTATIONS, PERMUTATIONS_PER_PAIR * pairs)
    mixed = sums @ _signs(scenes, swaps).T
    largest = float(np.abs(sums).max(initial=0.0))
    slack = 1e-9 * max(1.0, largest)
    p_values = np.ones((systems, systems))
    for one, other in combinations(range(systems), 2):
        totals = np.abs(mixed[one] - mixed[other])
        observed = totals[0]
        share = float(np.mean(totals >= observed - slack))
        p_values[one, other] = share
        p_values[other, one] = share
    return p_values


@functools.lru_cache(maxsize=16)
def _signs(scenes: int, swaps: int) -> NDArray[np.int8]:
    """Swaps as 1 and -1, ``(swaps, scenes)``; the first swaps nothing."""
    # If all are tried, the last scene is never swapped: the complement only changes the sign.
    if scenes <= EXACT_SCENES:
        numbers = np.arange(2 ** (scenes - 1))[:, None]
        swapped = (numbers >> np.arange(scenes)) & 1
    else:
        random = np.random.default_rng(2)
        swapped = random.integers(0, 2, (swaps + 1, scenes))
        swapped[0] = 0
    return np.asarray(1 - 2 * swapped, np.int8)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values with Holm's correction, in the same order."""
    # The i-th smallest of n is multiplied by n - i + 1, and none is less than the one before.
    # Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    adjusted = [0.0] * len(p_values)
    ascending = sorted(range(len(p_values)), key=p_values.__getitem__)
    largest = 0.0
    for rank, index in enumerate(ascending):
        multiplied = (len(p_values) - rank) * p_values[index]
        largest = max(largest, min(1.0, multiplied))
        adjusted[index] = largest
    return adjusted


def groups_alike(
    ordered: Sequence[str],
    different: set[frozenset[str]],
) -> list[tuple[str, ...]]:
    """Longest runs of neighbouring ranks without a significant difference; they may overlap."""
    groups: list[tuple[str, ...]] = []
    end = 0
    for start in range(len(ordered)):
        stop = max(start + 1, end)
        while stop < len(ordered):
            following = ordered[stop]
            pairs = (frozenset((following, each)) for each in ordered[start:stop])
            if not different.isdisjoint(pairs):
                break
            stop += 1
        if stop > end and stop - start >= 2:
            groups.append(tuple(ordered[start:stop]))
        end = max(end, stop)
    return groups


def rank_ranges(
    means: Array,
    *,
    higher_is_better: bool,
) -> tuple[NDArray[np.int64], Array]:
    """Least and largest rank in :data:`CONFIDENCE` of the resamples; share of first places."""
    best_first = -means if higher_is_better else means
    ordered = np.argsort(best_first, axis=0, kind="stable")
    ranks = np.argsort(ordered, axis=0, kind="stable") + 1
    tail = (1 - CONFIDENCE) / 2
    tails = [tail, 1 - tail]
    ends = np.quantile(ranks, tails, axis=1, method="closest_observation")
    first_places = (ranks == 1).mean(axis=1)
    return ends.T.astype(np.int64), np.asarray(first_places)


def minimum_detectable(sums: Array, counts: Array) -> float | None:
    """The difference of two means that a test on these scenes detects with :data:`POWER`."""
    # The test is paired and two-sided at 1 - ``CONFIDENCE``; the result is the median over all
    # pairs of systems.
    systems, scenes = sums.shape
    if systems < 2 or scenes < MINIMUM_SCENES:
        return None
    pictures = counts.sum()
    errors = []
    for one, other in combinations(range(systems), 2):
        difference = sums[one] - sums[other]
        spread = difference - counts * (difference.sum() / pictures)
        squares = float(np.square(spread).sum())
        variance = scenes / (scenes - 1) * squares / pictures**2
        errors.append(math.sqrt(variance))
    probabilities = [(1 + CONFIDENCE) / 2, POWER]
    quantiles = special.stdtrit(scenes - 1, probabilities)
    return float(np.median(errors) * quantiles.sum())
