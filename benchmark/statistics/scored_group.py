"""Scores of runs that differ only by seed, as one array; gains of systems on the same pictures."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Self

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.evaluation.columns import MOVES
from defocus.benchmark.results.score_matrix import MatrixLine, ScoreMatrix, Where
from defocus.benchmark.results.store import Entry, Results
from defocus.benchmark.statistics.comparable import CEILING

Array = NDArray[np.float64]

Picture = tuple[str, str]
"""Id and scene of a pair."""


@dataclass(frozen=True)
class ScoredGroup:
    """Scores behind a row of the leaderboard; ``values`` is ``(places, seeds, pictures)``."""

    # A seed without a picture's value has the mean of the other seeds, NaN if no seed has one.
    # Places (profile, protocol and metric) and pictures are sorted.

    entries: tuple[Entry, ...]
    pictures: tuple[Picture, ...]
    places: tuple[MatrixLine, ...]
    versions: tuple[str, ...]
    values: Array

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Whether each picture has a value, ``(places, pictures)``."""
        return np.isfinite(self.values[:, 0])

    def image_values(self) -> Array:
        """Means over seeds, ``(places, pictures)``; NaN where a value is missing."""
        return np.asarray(self.values.mean(axis=1))


def scored_group(results: Results, entries: Sequence[Entry]) -> ScoredGroup:
    """Read the scores of a group of runs."""
    counted = [entry for entry in entries if entry.scored] or list(entries[:1])
    matrices = [results.matrix(entry.run) for entry in counted]
    if not _have_common_ground(matrices):
        matrices = _on_common_ground(matrices)
    first = matrices[0]
    values = np.stack([each.values for each in matrices], axis=1)
    if len(matrices) > 1:
        values = _filled(values)
    metrics = [place.metric for place in first.places]
    versions = _versions(results, counted, metrics)
    return ScoredGroup(tuple(counted), first.pictures, first.places, versions, values)


def _versions(
    results: Results,
    entries: Sequence[Entry],
    metrics: Sequence[str],
) -> tuple[str, ...]:
    stored = [results.versions(entry.run) for entry in entries]
    by_metric = {}
    for metric in set(metrics):
        versions = {each[metric].version for each in stored if metric in each}
        by_metric[metric] = ", ".join(sorted(versions))
    return tuple(by_metric[metric] for metric in metrics)


def _filled(values: Array) -> Array:
    """The scores ``(lines, seeds, pictures)``; what a seed lacks is the mean of the others."""
    present = np.isfinite(values)
    count = present.sum(axis=1, keepdims=True)
    totals = np.where(present, values, 0.0).sum(axis=1, keepdims=True)
    mean = np.where(count > 0, totals / np.maximum(count, 1), np.nan)
    return np.where(present, values, mean)


def _have_common_ground(matrices: Sequence[ScoreMatrix]) -> bool:
    """Whether all matrices have the pictures and places of the first one."""
    first = matrices[0]
    for each in matrices[1:]:
        if each.pictures != first.pictures or each.places != first.places:
            return False
    return True


def _on_common_ground(matrices: Sequence[ScoreMatrix]) -> list[ScoreMatrix]:
    """Extend all matrices to the union of their pictures and places."""
    pictures: set[Picture] = set()
    place_of: dict[Where, MatrixLine] = {}
    for each in reversed(matrices):
        pictures.update(each.pictures)
        for place in each.places:
            place_of[place.where] = place
    places = tuple(place_of[where] for where in sorted(place_of))
    ordered = tuple(sorted(pictures))
    return [_extended(each, ordered, places) for each in matrices]


def _extended(
    matrix: ScoreMatrix,
    pictures: tuple[Picture, ...],
    places: tuple[MatrixLine, ...],
) -> ScoreMatrix:
    """A matrix with more pictures and places; NaN where it has no score."""
    line_of = {place.where: line for line, place in enumerate(places)}
    column_of = {picture: column for column, picture in enumerate(pictures)}
    lines = [line_of[place.where] for place in matrix.places]
    columns = [column_of[picture] for picture in matrix.pictures]
    values = np.full((len(places), len(pictures)), np.nan)
    values[np.ix_(lines, columns)] = matrix.values
    return ScoreMatrix(pictures, places, values)


def moved_changes(group: ScoredGroup, line: int) -> Array | None:
    """Change of the scores of a line of PSNR by each move, ``(moves, pictures)``."""
    # Means over seeds; NaN where the reference's place has no standard error, None if none has.
    mine = group.places[line]
    lines = {}
    for number, place in enumerate(group.places):
        alike = (place.profile, place.protocol) == (mine.profile, mine.protocol)
        if alike and mine.metric == GAINED:
            lines[place.metric] = number
    if not MOVES.keys() <= lines.keys():
        return None
    moved_lines = [lines[name] for name in MOVES]
    moved = group.values[moved_lines].mean(axis=1)
    in_place = group.values[line].mean(axis=0)
    changes = moved - in_place
    return np.asarray(changes[:, group.counted[line]])


def resolution(changes: Array, codes: tuple[int, ...]) -> float | None:
    """The change to expect of a mean difference, in the unit of the scores; None without one."""
    # What changes sign with the direction of a move averages out over scenes; the rest does not.
    # Errors of scenes are independent; pictures of one scene count as if theirs were the same. It
    # is the root of the sum of squares of both parts of ``(moves, pictures)``.
    known = np.isfinite(changes).all(axis=0)
    if not known.any():
        return None
    right, left, down, up = changes[:, known]
    either_way = float((right + left + down + up).mean()) / 2
    one_way = np.hypot(right - left, down - up) / 2
    of_scenes = np.bincount(np.array(codes)[known], weights=one_way)
    over_scenes = np.sqrt(np.square(of_scenes).sum()) / known.sum()
    return float(np.hypot(either_way, over_scenes))


@dataclass(frozen=True)
class SystemScores:
    """One system's scores by one metric under one protocol; ``values`` is ``(seeds, pictures)``."""

    entry: Entry
    pictures: tuple[Picture, ...]
    values: Array
    changes: Array | None = None


def system_scores(group: ScoredGroup, line: int) -> SystemScores:
    """Select the scores of one line of a group."""
    counted = group.counted[line]
    pictures = tuple(compress(group.pictures, counted))
    values = group.values[line][:, counted]
    changes = moved_changes(group, line)
    return SystemScores(group.entries[0], pictures, values, changes)


def common_pictures(members: Sequence[SystemScores]) -> list[Picture]:
    """The pictures that all systems have scores of, sorted; empty without systems."""
    sets = {member.pictures for member in members}
    return sorted(set.intersection(*map(set, sets))) if sets else []


def on_pictures(member: SystemScores, pictures: Sequence[Picture]) -> Array:
    """Scores ``(seeds, pictures)`` of these pictures only, in their order."""
    return np.asarray(member.values[:, _columns(member, pictures)])


def _columns(member: SystemScores, pictures: Sequence[Picture]) -> list[int]:
    column = {picture: number for number, picture in enumerate(member.pictures)}
    return [column[picture] for picture in pictures]


def difference_resolution(
    one: SystemScores,
    other: SystemScores,
    pictures: Sequence[Picture],
    codes: tuple[int, ...],
) -> float | None:
    """How far the mean difference of two systems changes where the references are moved."""
    if one.changes is None or other.changes is None:
        return None
    mine = one.changes[:, _columns(one, pictures)]
    return resolution(mine - other.changes[:, _columns(other, pictures)], codes)


def picture_means(
    members: Sequence[SystemScores],
    pictures: Sequence[Picture],
) -> Array:
    """Means over seeds, ``(systems, pictures)``."""
    return np.stack([on_pictures(member, pictures).mean(axis=0) for member in members])


INPUT = "input"
"""Name of the reference row that restores nothing: gains count from it."""

GAINED = "psnr"
"""The metric in which gains are counted."""


@dataclass(frozen=True)
class Gain:
    """Gain of a line over the blurry input, dB, over the pictures that both have."""

    mean: float
    low: float | None = None
    high: float | None = None
    resolution: float | None = None


Gains = dict[tuple[int, int], Gain]
"""Gains by the number of the group and its line."""


def gains(groups: Sequence[ScoredGroup]) -> Gains:
    """The gains of all lines of PSNR but the input's, by the number of the group and its line."""
    inputs = _inputs(groups)
    alike: dict[tuple[tuple[Picture, ...], int], list[_Difference]] = defaultdict(list)
    for number, group in enumerate(groups):
        if group.entries[0].system in {INPUT, CEILING}:
            continue
        for line, place in enumerate(group.places):
            reference = inputs.get(_contest(group.entries[0], place))
            if reference is None or place.metric != GAINED:
                continue
            member = system_scores(group, line)
            pictures = tuple(common_pictures([member, reference]))
            if pictures:
                one = _Difference.of(number, line, member, reference, pictures)
                seeds = len(one.values)
                alike[pictures, seeds].append(one)
    by_line: Gains = {}
    for (pictures, _), differences in alike.items():
        by_line |= _gains_on(pictures, differences)
    return by_line


@dataclass(frozen=True)
class _Difference:
    """Difference of one line to the input, ``(seeds, pictures)``, and its resolution."""

    group: int
    line: int
    values: Array
    resolution: float | None

    @classmethod
    def of(
        cls,
        group: int,
        line: int,
        member: SystemScores,
        reference: SystemScores,
        pictures: Sequence[Picture],
    ) -> Self:
        """The difference on pictures that both have."""
        from defocus.benchmark.statistics.resampling import scene_codes

        before = on_pictures(reference, pictures).mean(axis=0)
        codes = scene_codes([scene for _, scene in pictures])
        limit = difference_resolution(member, reference, pictures, codes)
        return cls(group, line, on_pictures(member, pictures) - before, limit)


def _gains_on(pictures: Sequence[Picture], differences: Sequence[_Difference]) -> Gains:
    from defocus.benchmark.statistics.resampling import mean_intervals, scene_codes

    values = np.stack([each.values for each in differences])
    means = values.mean(axis=(1, 2)).tolist()
    codes = scene_codes([scene for _, scene in pictures])
    intervals = mean_intervals(values, codes)
    ends = [(None, None)] * len(values) if intervals is None else intervals.tolist()
    on_lines = {}
    for each, mean, (low, high) in zip(differences, means, ends, strict=True):
        gain = Gain(mean, low, high, each.resolution)
        on_lines[each.group, each.line] = gain
    return on_lines


def _inputs(groups: Sequence[ScoredGroup]) -> dict[tuple[str, ...], SystemScores]:
    """The scores of the blurry input on each line of PSNR, by the line's contest."""
    inputs = {}
    for group in groups:
        entry = group.entries[0]
        if entry.system != INPUT:
            continue
        for line, place in enumerate(group.places):
            if place.metric == GAINED and group.counted[line].any():
                contest = _contest(entry, place)
                inputs[contest] = system_scores(group, line)
    return inputs


def _contest(entry: Entry, place: MatrixLine) -> tuple[str, ...]:
    """Properties that scores of a system and of the input must share."""
    return (
        entry.dataset,
        entry.split,
        entry.data_hash,
        entry.evaluation,
        place.profile,
        place.protocol,
    )
