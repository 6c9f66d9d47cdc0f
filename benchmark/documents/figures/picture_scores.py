"""Scores of single pictures, and how much systems differ on each."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from defocus.benchmark.evaluation.columns import MOVES
from defocus.benchmark.leaderboard.content import Content
from defocus.benchmark.leaderboard.lines import (
    Board,
    BoardLine,
    Convention,
    LineKey,
    line_of,
)
from defocus.benchmark.results.store import Entry
from defocus.benchmark.statistics.scored_group import INPUT, ScoredGroup, scored_group

LEADING = "psnr"
"""Metric of the table of all pictures. The pictures on which systems differ most are found by it,
too."""


@dataclass(frozen=True)
class PictureScores:
    """Scores of the pictures of a leaderboard under one convention."""

    # ``groups`` are the runs of each line, best first, but those given the true blur last.
    # ``values`` are means over seeds, by picture, line (index into ``groups``) and metric.

    board: Board
    convention: Convention
    groups: Sequence[Sequence[Entry]]
    names: Sequence[str]
    systems: frozenset[int]
    scenes: dict[str, str]
    values: dict[str, dict[int, dict[str, float]]]

    def psnr(self, pair: str, line: int | None) -> float | None:
        """The PSNR of a picture on a line, dB; None without one."""
        if line is None:
            return None
        return self.values[pair].get(line, {}).get(LEADING)

    def psnr_of_systems(self, pair: str) -> dict[int, float]:
        """The PSNR of a picture, dB, by the number of each system's line."""
        values = {}
        for number, by_metric in self.values[pair].items():
            if number in self.systems and LEADING in by_metric:
                values[number] = by_metric[LEADING]
        return values

    def line_number(self, key: LineKey) -> int | None:
        """Index of a line; None if it has no scores under this convention."""
        for number, group in enumerate(self.groups):
            if line_of(group[0]) == key:
                return number
        return None

    @property
    def input_line(self) -> int | None:
        """Index of the blurry input."""
        for number, group in enumerate(self.groups):
            if group[0].system == INPUT:
                return number
        return None


def read_picture_scores(
    content: Content,
    board: Board,
    convention: Convention | None = None,
    lines: Sequence[BoardLine] | None = None,
) -> PictureScores:
    """The scores of every picture of a leaderboard, under its first convention by default."""
    convention = convention or board.conventions[0]
    lines = board.ordered(convention) if lines is None else lines
    groups = {}
    for group in content.scored():
        if _is_of(group[0], board, convention):
            groups[line_of(group[0])] = group
    shown = [line for line in lines if line.key in groups]
    shown.sort(key=lambda line: line.is_given_blur)
    scores = PictureScores(
        board,
        convention,
        [groups[line.key] for line in shown],
        [line.name for line in shown],
        frozenset(n for n, line in enumerate(shown) if not line.reference),
        {},
        defaultdict(lambda: defaultdict(dict)),
    )
    for number, group in enumerate(scores.groups):
        _gather(scores, number, scored_group(content.results, group))
    return scores


def _gather(scores: PictureScores, number: int, group: ScoredGroup) -> None:
    """Add the values of a line; a perfect picture may have an infinite one."""
    convention = scores.convention
    numbers = group.image_values().tolist()
    for place, values in zip(group.places, numbers, strict=True):
        same_profile = place.profile == convention.profile
        if not same_profile or place.protocol != convention.protocol:
            continue
        for (pair, scene), value in zip(group.pictures, values, strict=True):
            if not math.isnan(value):
                scores.values[pair][number][place.metric] = value
                scores.scenes[pair] = scene


def _is_of(entry: Entry, board: Board, convention: Convention) -> bool:
    key = board.key
    if (entry.dataset, entry.split) != (key.dataset, key.split):
        return False
    if entry.evaluation != convention.evaluation:
        return False
    return entry.data_hash.startswith(key.data_revision)


def spread(scores: PictureScores, pair: str) -> float:
    """Standard deviation of the systems' PSNR on a picture, dB; infinite if only some are."""
    values = list(scores.psnr_of_systems(pair).values())
    if len(set(values)) < 2:
        return 0.0
    if any(map(math.isinf, values)):
        return math.inf
    return statistics.pstdev(values)


def gain_on(scores: PictureScores, pair: str, line: int) -> float | None:
    """Gain of a line over the blurry input on a picture, dB; None where one of them is missing."""
    value = scores.psnr(pair, line)
    of_input = scores.psnr(pair, scores.input_line)
    if value is None or of_input is None or math.isinf(of_input):
        return None
    return value - of_input


def differences_between(
    scores: PictureScores,
    line: LineKey,
    other: LineKey,
) -> dict[str, float]:
    """PSNR of a line minus that of another, dB, for each picture where both are finite."""
    mine, theirs = scores.line_number(line), scores.line_number(other)
    differences = {}
    for pair in scores.values:
        one, two = scores.psnr(pair, mine), scores.psnr(pair, theirs)
        if one is None or two is None:
            continue
        if math.isfinite(one) and math.isfinite(two):
            differences[pair] = one - two
    return differences


def resolution_between(
    scores: PictureScores,
    line: LineKey,
    other: LineKey,
) -> float | None:
    """How far the mean difference of two lines changes where the references are moved, dB."""
    from defocus.benchmark.statistics.resampling import scene_codes
    from defocus.benchmark.statistics.scored_group import resolution

    mine, theirs = scores.line_number(line), scores.line_number(other)
    if mine is None or theirs is None:
        return None
    scenes = []
    changes = []  # of each picture by each move
    for pair, by_line in scores.values.items():
        one, two = by_line.get(mine, {}), by_line.get(theirs, {})
        if not {*MOVES, LEADING} <= one.keys() & two.keys():
            continue
        before, other_before = one[LEADING], two[LEADING]
        changes.append(
            [one[move] - before - (two[move] - other_before) for move in MOVES]
        )
        scenes.append(scores.scenes[pair])
    if not scenes:
        return None
    return resolution(np.array(changes).T, scene_codes(scenes))


def mean_interval(
    scores: PictureScores,
    differences: Mapping[str, float],
) -> tuple[float, float] | None:
    """The 95 % interval of the mean of numbers by picture; None with too few scenes."""
    from defocus.benchmark.statistics.resampling import interval_of_mean, scene_codes

    if not differences:
        return None
    codes = scene_codes([scores.scenes[one] for one in differences])
    return interval_of_mean(np.array(list(differences.values())), codes)
