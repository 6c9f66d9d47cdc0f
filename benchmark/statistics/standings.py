"""Standings and tests of every track of the leaderboard."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from defocus.benchmark.leaderboard.rows import REVISION_DIGITS, current_entries
from defocus.benchmark.results.scores.score_matrix import MatrixLine
from defocus.benchmark.results.store import NARROW, Entry, Results
from defocus.benchmark.statistics.comparable import (
    CEILING,
    NEVER_RANKED,
    SIGMA,
    SIGNIFICANCE,
    Contest,
    Difference,
    Standing,
    Track,
    may_be_ranked,
)
from defocus.benchmark.statistics.scored_group import ScoredGroup, scored_group
from defocus.benchmark.statistics.system_scores import (
    Picture,
    SystemScores,
    common_pictures,
    on_pictures,
    picture_means,
    system_scores,
)
from defocus.progress import counted

__all__ = ["tracks"]


@dataclass(frozen=True)
class _Field:
    """Systems that take part in a contest.

    Attributes:
        contest: Properties that they share.
        higher: Whether higher values of the metric are better.
        members: The systems with scores.
        ceiling: The group of the reference row.
    """

    contest: Contest
    higher: bool
    members: list[SystemScores]
    ceiling: ScoredGroup | None


def tracks(results: Results, metric: str = "psnr") -> list[Track]:
    """All tracks of a store, by dataset, budget, protocol and shared properties.

    Reconstructions belong to no track: they have no ranks, and no test is corrected for them.

    Args:
        results: The store.
        metric: The metric by which systems are compared.

    Raises:
        InputError: The metric is unknown.
    """
    return [track for field in _fields(results, metric) for track in _tracks(field)]


def _fields(results: Results, metric: str) -> list[_Field]:
    from defocus.benchmark.metric.registry import find_metric

    higher = find_metric(metric).better == "higher"
    members: dict[Contest, list[SystemScores]] = defaultdict(list)
    ceilings: dict[Contest, ScoredGroup] = {}
    for entries in current_entries(results):
        group = scored_group(results, entries)
        first = group.entries[0]
        if first.reconstruction:
            continue
        for line, place in enumerate(group.places):
            if place.metric != metric or place.protocol in NEVER_RANKED or not first.scored:
                continue
            contest = _contest(first, place, group.versions[line])
            if first.system == CEILING:
                ceilings[contest] = group
            elif group.counted[line].any():
                members[contest].append(system_scores(group, line))
    return [
        _Field(contest, higher, members[contest], ceilings.get(contest))
        for contest in sorted(members)
    ]


def _contest(entry: Entry, place: MatrixLine, version: str) -> Contest:
    return Contest(
        dataset=entry.dataset,
        data_revision=entry.data_hash[:REVISION_DIGITS],
        split=entry.split,
        budget=entry.budget,
        profile=place.profile,
        evaluation=entry.evaluation,
        protocol=place.protocol,
        metric=place.metric,
        metric_version=version,
    )


def _tracks(field: _Field) -> list[Track]:
    parts: dict[tuple[str, str, str], list[SystemScores]] = defaultdict(list)
    for member in field.members:
        entry = member.entry
        parts[entry.input, entry.train_dataset, entry.weights].append(member)
    detectable = _detectable(field.members)
    ceiling, resolution = _ceiling(field)
    return [
        _track(field, part, detectable, ceiling, resolution) for _, part in sorted(parts.items())
    ]


def _track(
    field: _Field,
    members: Sequence[SystemScores],
    detectable: float | None,
    ceiling: float | None,
    resolution: float | None,
) -> Track:
    pictures = common_pictures(members)
    scenes = len({scene for _, scene in pictures})
    standings = _standings(field, members, pictures)
    differences = _differences(members, pictures, standings, resolution)
    shared = members[0].entry
    return Track(
        contest=field.contest,
        input=shared.input,
        train_dataset=shared.train_dataset,
        weights=shared.weights,
        images=len(pictures),
        scenes=scenes,
        standings=standings,
        differences=differences,
        alike=_alike(standings, differences),
        minimum_detectable=detectable,
        ceiling=ceiling,
        resolution=resolution,
        note=_note(members, scenes),
    )


def _standings(
    field: _Field, members: Sequence[SystemScores], pictures: Sequence[Picture]
) -> tuple[Standing, ...]:
    if not pictures:
        return ()
    means = picture_means(members, pictures).mean(axis=1).tolist()
    names = [member.entry.system for member in members]
    sign = -1.0 if field.higher else 1.0
    order = sorted(range(len(names)), key=lambda n: (sign * means[n], names[n]))
    scenes = len({scene for _, scene in pictures})
    ranked = [n for n in order if _ranked(members[n].entry, field.contest.protocol, scenes)]
    ranks = {n: number for number, n in enumerate(ranked, start=1)}
    stable = _stability(field, members, pictures)
    return tuple(Standing(names[n], means[n], ranks.get(n), *stable[n]) for n in order)


def _ranked(entry: Entry, protocol: str, scenes: int) -> bool:
    """Whether a system has a rank; narrow copies have one where there are tests to tell them apart.

    These are ranked among themselves, since a track shares the origin of weights and the budget.
    """
    from defocus.benchmark.statistics.intervals import MINIMUM_SCENES

    alike = (entry.weights, entry.budget) == (NARROW, "demo") and scenes >= MINIMUM_SCENES
    return may_be_ranked(entry.budget, protocol, entry.status, trained_alike=alike)


def _stability(
    field: _Field, members: Sequence[SystemScores], pictures: Sequence[Picture]
) -> list[tuple[int | None, int | None, float | None]]:
    """Lowest and highest rank, and the share of resamples in which each system is first."""
    import numpy as np

    from defocus.benchmark.statistics.intervals import (
        MINIMUM_SCENES,
        rank_ranges,
        resampled_means,
        scene_codes,
    )

    codes = scene_codes([scene for _, scene in pictures])
    if len(set(codes)) < MINIMUM_SCENES:
        return [(None, None, None)] * len(members)
    means = [resampled_means(on_pictures(each, pictures)[None], codes)[0] for each in members]
    ranges, first = rank_ranges(np.stack(means), higher_is_better=field.higher)
    return [
        (low, high, share)
        for (low, high), share in zip(ranges.tolist(), first.tolist(), strict=True)
    ]


def _differences(
    members: Sequence[SystemScores],
    pictures: Sequence[Picture],
    standings: Sequence[Standing],
    resolution: float | None,
) -> tuple[Difference, ...]:
    from defocus.benchmark.statistics.intervals import (
        MINIMUM_SCENES,
        holm,
        paired_p_values,
        scene_codes,
        scene_sums,
    )

    codes = scene_codes([scene for _, scene in pictures])
    if len(members) < 2 or len(set(codes)) < MINIMUM_SCENES:
        return ()
    number = {member.entry.system: index for index, member in enumerate(members)}
    found = paired_p_values(scene_sums(picture_means(members, pictures), codes))
    pairs = list(combinations(standings, 2))
    p_values = [float(found[number[a.system], number[b.system]]) for a, b in pairs]
    return tuple(
        Difference(
            first=a.system,
            second=b.system,
            difference=a.value - b.value,
            p_value=p_value,
            p_adjusted=adjusted,
            significant=adjusted <= SIGNIFICANCE,
            below_resolution=resolution is not None and abs(a.value - b.value) < resolution,
        )
        for (a, b), p_value, adjusted in zip(pairs, p_values, holm(p_values), strict=True)
    )


def _alike(
    standings: Sequence[Standing], differences: Sequence[Difference]
) -> tuple[tuple[str, ...], ...]:
    from defocus.benchmark.statistics.intervals import groups_alike

    if not differences:
        return ()
    apart = {frozenset((each.first, each.second)) for each in differences if each.significant}
    return tuple(groups_alike([standing.system for standing in standings], apart))


def _detectable(members: Sequence[SystemScores]) -> float | None:
    import numpy as np

    from defocus.benchmark.statistics.intervals import minimum_detectable, scene_codes, scene_sums

    pictures = common_pictures(members)
    if not pictures:
        return None
    codes = scene_codes([scene for _, scene in pictures])
    sums = scene_sums(picture_means(members, pictures), codes)
    return minimum_detectable(sums, np.bincount(codes).astype(np.float64))


def _ceiling(field: _Field) -> tuple[float | None, float | None]:
    """The ceiling's mean score and its uncertainty, with independent errors of scenes."""
    import numpy as np

    from defocus.benchmark.statistics.intervals import scene_codes, scene_sums

    best = _reference(field, field.contest.metric)
    sigma = _reference(field, field.contest.metric + SIGMA)
    value = None if best is None else float(best.values.mean())
    if sigma is None:
        return value, None
    sums = scene_sums(sigma.values, scene_codes([scene for _, scene in sigma.pictures]))
    return value, float(np.sqrt(np.square(sums).sum()) / len(sigma.pictures))


def _reference(field: _Field, metric: str) -> SystemScores | None:
    """A line of the reference row, None if it has no value."""
    group = field.ceiling
    if group is None:
        return None
    wanted = (field.contest.profile, field.contest.protocol, metric)
    for line, place in enumerate(group.places):
        if (place.profile, place.protocol, place.metric) == wanted:
            found = system_scores(group, line)
            return found if found.pictures else None
    return None


def _note(members: Sequence[SystemScores], scenes: int) -> str:
    from defocus.benchmark.statistics.intervals import MINIMUM_SCENES

    if scenes < MINIMUM_SCENES:
        return f"n/a: {counted(scenes, 'scene')}, fewer than {MINIMUM_SCENES}"
    single = sorted(
        member.entry.system
        for member in members
        if member.entry.weights != "none" and len(member.values) == 1
    )
    if not single:
        return ""
    return f"one training of {', '.join(single)}: the variance of training is not included"
