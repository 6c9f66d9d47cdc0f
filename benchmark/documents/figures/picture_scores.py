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
from defocus.benchmark.statistics.scored_group import INPUT, scored_group

LEADING = "psnr"
"""The metric of the table over all pictures, and of how much systems differ on one."""


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
    scenes: Mapping[str, str]
    values: Mapping[str, Mapping[int, Mapping[str, float]]]

    def line_number(self, key: LineKey) -> int | None:
        """Index of a line; None if it has no scores under this convention."""
        return next(
            (n for n, g in enumerate(self.groups) if line_of(g[0]) == key), None
        )

    @property
    def input_line(self) -> int | None:
        """Index of the blurry input."""
        return next(
            (n for n, g in enumerate(self.groups) if g[0].system == INPUT), None
        )


def read_picture_scores(
    content: Content,
    board: Board,
    convention: Convention | None = None,
    lines: Sequence[BoardLine] | None = None,
) -> PictureScores:
    """The scores of every picture of a leaderboard, under its first convention by default."""
    convention = convention or board.conventions[0]
    lines = board.ordered(convention) if lines is None else lines
    lines = sorted(lines, key=lambda line: line.is_given_blur)
    groups = {
        line_of(g[0]): g for g in content.scored() if _is_of(g[0], board, convention)
    }
    shown = [(line, groups[line.key]) for line in lines if line.key in groups]
    gathered: dict[str, dict[int, dict[str, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    scenes: dict[str, str] = {}
    for number, (_, group) in enumerate(shown):
        scored = scored_group(content.results, group)
        numbers = scored.image_values()
        for place, values in zip(scored.places, numbers.tolist(), strict=True):
            if (place.profile, place.protocol) == (
                convention.profile,
                convention.protocol,
            ):
                for (pair, scene), value in zip(scored.pictures, values, strict=True):
                    if not math.isnan(
                        value
                    ):  # a perfect picture may have an infinite one
                        gathered[pair][number][place.metric] = value
                        scenes[pair] = scene
    return PictureScores(
        board,
        convention,
        [group for _, group in shown],
        [line.name for line, _ in shown],
        frozenset(
            number for number, (line, _) in enumerate(shown) if not line.reference
        ),
        scenes,
        gathered,
    )


def _is_of(entry: Entry, board: Board, convention: Convention) -> bool:
    same = (entry.dataset, entry.split) == (board.key.dataset, board.key.split)
    same = same and entry.evaluation == convention.evaluation
    return same and entry.data_hash.startswith(board.key.data_revision)


def spread(scores: PictureScores, pair: str) -> float:
    """Standard deviation of the systems' PSNR on a picture, dB; infinite if only some are."""
    by_line = scores.values[pair]
    values = [
        v[LEADING] for n, v in by_line.items() if n in scores.systems and LEADING in v
    ]
    if any(map(math.isinf, values)):
        return math.inf if len(set(values)) > 1 else 0.0
    return statistics.pstdev(values) if len(values) > 1 else 0.0


def gain_on(scores: PictureScores, pair: str, line: int) -> float | None:
    """Gain of a line over the blurry input on a picture, dB; None where one of them is missing."""
    value = scores.values[pair].get(line, {}).get(LEADING)
    before = scores.input_line
    reference = (
        scores.values[pair].get(before, {}).get(LEADING) if before is not None else None
    )
    if value is None or reference is None or math.isinf(reference):
        return None
    return value - reference


def differences_between(
    scores: PictureScores, line: LineKey, other: LineKey
) -> dict[str, float]:
    """PSNR of a line minus that of another one, dB, by picture that both have a finite one of."""
    mine, theirs = scores.line_number(line), scores.line_number(other)
    if mine is None or theirs is None:
        return {}
    both = {
        picture: (
            by_line.get(mine, {}).get(LEADING),
            by_line.get(theirs, {}).get(LEADING),
        )
        for picture, by_line in scores.values.items()
    }
    return {
        picture: one - two
        for picture, (one, two) in both.items()
        if one is not None
        and two is not None
        and math.isfinite(one)
        and math.isfinite(two)
    }


def resolution_between(
    scores: PictureScores, line: LineKey, other: LineKey
) -> float | None:
    """How far the mean difference of two lines changes where the references are moved, dB."""
    from defocus.benchmark.statistics.intervals import scene_codes
    from defocus.benchmark.statistics.scored_group import resolution

    mine, theirs = scores.line_number(line), scores.line_number(other)
    if mine is None or theirs is None:
        return None
    shared = {
        picture: (by_line[mine], by_line[theirs])
        for picture, by_line in scores.values.items()
        if mine in by_line and theirs in by_line
        if {*MOVES, LEADING} <= by_line[mine].keys() & by_line[theirs].keys()
    }
    if not shared:
        return None
    changes = [
        [
            one[name] - one[LEADING] - (two[name] - two[LEADING])
            for one, two in shared.values()
        ]
        for name in MOVES
    ]
    return resolution(
        np.array(changes), scene_codes([scores.scenes[one] for one in shared])
    )


def mean_interval(
    scores: PictureScores, differences: Mapping[str, float]
) -> tuple[float, float] | None:
    """The 95 % interval of the mean of numbers by picture; None with too few scenes."""
    from defocus.benchmark.statistics.intervals import mean_intervals, scene_codes

    if not differences:
        return None
    values = np.array([[list(differences.values())]])
    ends = mean_intervals(
        values, scene_codes([scores.scenes[one] for one in differences])
    )
    return None if ends is None else (float(ends[0, 0]), float(ends[0, 1]))
