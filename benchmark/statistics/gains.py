"""Gains over the blurry input, picture by picture."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defocus.benchmark.results.scores.score_matrix import MatrixLine
from defocus.benchmark.results.store import Entry
from defocus.benchmark.statistics.comparable import CEILING
from defocus.benchmark.statistics.scored_group import ScoredGroup
from defocus.benchmark.statistics.system_scores import (
    Picture,
    SystemScores,
    common_pictures,
    difference_resolution,
    on_pictures,
    system_scores,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["GAINED", "INPUT", "Gain", "gains"]

INPUT = "input"
"""Name of the reference row that restores nothing: gains count from it."""

GAINED = "psnr"
"""The metric in which gains are counted."""


@dataclass(frozen=True)
class Gain:
    """How much better than the blurry input a line is, dB, over the pictures that both have."""

    mean: float
    low: float | None = None
    high: float | None = None
    resolution: float | None = None


def gains(groups: Sequence[ScoredGroup]) -> dict[tuple[int, int], Gain]:
    """The gains of all lines of PSNR but the input's, by the number of the group and its line."""
    from defocus.benchmark.statistics.intervals import scene_codes

    inputs = _inputs(groups)
    alike: dict[tuple[tuple[Picture, ...], int], list[_Difference]] = defaultdict(list)
    for number, group in enumerate(groups):
        for line, place in enumerate(group.places):
            reference = inputs.get(_contest(group.entries[0], place))
            without = group.entries[0].system in {INPUT, CEILING} or place.metric != GAINED
            if reference is None or without:
                continue
            member = system_scores(group, line)
            pictures = tuple(common_pictures([member, reference]))
            if pictures:
                difference = on_pictures(member, pictures) - _mean_of(reference, pictures)
                codes = scene_codes([scene for _, scene in pictures])
                known = difference_resolution(member, reference, pictures, codes)
                found_here = _Difference(number, line, difference, known)
                alike[pictures, len(difference)].append(found_here)
    found: dict[tuple[int, int], Gain] = {}
    for (pictures, _), differences in alike.items():
        found |= _gains_on(pictures, differences)
    return found


@dataclass(frozen=True)
class _Difference:
    """Difference of one line to the input, ``(seeds, pictures)``, and its resolution."""

    group: int
    line: int
    values: "NDArray[np.float64]"
    resolution: float | None


def _gains_on(
    pictures: Sequence[Picture], differences: Sequence[_Difference]
) -> dict[tuple[int, int], Gain]:
    import numpy as np

    from defocus.benchmark.statistics.intervals import mean_intervals, scene_codes

    values = np.stack([each.values for each in differences])
    intervals = mean_intervals(values, scene_codes([scene for _, scene in pictures]))
    ends = [(None, None)] * len(values) if intervals is None else intervals.tolist()
    means = values.mean(axis=(1, 2)).tolist()
    return {
        (each.group, each.line): Gain(mean, low, high, each.resolution)
        for each, mean, (low, high) in zip(differences, means, ends, strict=True)
    }


def _inputs(groups: Sequence[ScoredGroup]) -> dict[tuple[str, ...], SystemScores]:
    found = {}
    for group in groups:
        if group.entries[0].system == INPUT:
            for line, place in enumerate(group.places):
                if place.metric == GAINED and group.counted[line].any():
                    found[_contest(group.entries[0], place)] = system_scores(group, line)
    return found


def _contest(entry: Entry, place: MatrixLine) -> tuple[str, ...]:
    """What scores of a system and of the input must share."""
    return (
        entry.dataset,
        entry.split,
        entry.data_hash,
        entry.evaluation,
        place.profile,
        place.protocol,
    )


def _mean_of(reference: SystemScores, pictures: Sequence[Picture]) -> "NDArray[np.float64]":
    import numpy as np

    return np.asarray(on_pictures(reference, pictures).mean(axis=0))
