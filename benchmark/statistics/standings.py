"""Standings and tests of every track of the leaderboard."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from defocus.benchmark.leaderboard.rows import REVISION_DIGITS, current_entries
from defocus.benchmark.results.score_matrix import MatrixLine
from defocus.benchmark.results.store import NARROW, Entry, Results
from defocus.benchmark.statistics.comparable import (
    CEILING,
    NEVER_RANKED,
    SIGNIFICANCE,
    Contest,
    Difference,
    Standing,
    Track,
    may_be_ranked,
    shared_origin,
)
from defocus.benchmark.statistics.scored_group import (
    INPUT,
    Picture,
    ScoredGroup,
    SystemScores,
    common_pictures,
    difference_resolution,
    on_pictures,
    picture_means,
    scored_group,
    system_scores,
)
from defocus.progress import counted


@dataclass(frozen=True)
class _Field:
    """Systems that take part in a contest; ``ceiling`` is the group of the reference row."""

    contest: Contest
    higher: bool
    members: list[SystemScores]
    ceiling: ScoredGroup | None


def tracks(results: Results, metric: str = "psnr") -> list[Track]:
    """All tracks of a store, by dataset, budget, protocol and shared properties."""
    # Reconstructions belong to no track: they have no ranks, and no test is corrected for them.
    standings: list[Track] = []
    for field in _fields(results, metric):
        standings += _tracks(field)
    return standings


def _fields(results: Results, metric: str) -> list[_Field]:
    from defocus.benchmark.metrics.metric import find_metric

    higher = find_metric(metric).better == "higher"
    members: dict[Contest, list[SystemScores]] = defaultdict(list)
    ceilings: dict[Contest, ScoredGroup] = {}
    for group, line, contest in _contested_lines(results, metric):
        of_all_budgets = replace(contest, budget="")
        if group.entries[0].system == CEILING:
            ceilings[of_all_budgets] = group
        elif group.counted[line].any():
            members[contest].append(system_scores(group, line))
    fields = []
    for contest, scores in sorted(members.items(), key=lambda item: item[0]):
        ceiling = ceilings.get(replace(contest, budget=""))
        fields.append(_Field(contest, higher, scores, ceiling))
    return fields


def _contested_lines(
    results: Results,
    metric: str,
) -> Iterator[tuple[ScoredGroup, int, Contest]]:
    """Each group's lines of a metric that may be ranked, with the contest of the line."""
    for entries in current_entries(results):
        group = scored_group(results, entries)
        first = group.entries[0]
        if first.reconstruction or not first.scored:
            continue
        for line, place in enumerate(group.places):
            if place.metric == metric and place.protocol not in NEVER_RANKED:
                yield group, line, _contest(first, place, group.versions[line])


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
    for member in _complete(field.members):
        entry = member.entry
        origin = shared_origin(
            entry.budget,
            entry.input,
            entry.train_dataset,
            entry.weights,
        )
        parts[origin].append(member)
    detectable = _detectable(field.members)
    ceiling = _ceiling(field)
    tracks = []
    for origin, part in sorted(parts.items()):
        tracks.append(_track(field, origin, part, detectable, ceiling))
    return tracks


def _complete(members: Sequence[SystemScores]) -> list[SystemScores]:
    """The systems that have every picture of the others; all systems if none has them."""
    pictures: set[Picture] = set()
    for member in members:
        pictures.update(member.pictures)
    return [one for one in members if len(one.pictures) == len(pictures)] or list(
        members
    )


def _track(
    field: _Field,
    origin: tuple[str, str, str],
    members: Sequence[SystemScores],
    detectable: float | None,
    ceiling: float | None,
) -> Track:
    given, train_dataset, weights = origin
    pictures = common_pictures(members)
    scenes = len({scene for _, scene in pictures})
    standings = _standings(field, members, pictures)
    differences = _differences(members, pictures, standings)
    return Track(
        contest=field.contest,
        input=given,
        train_dataset=train_dataset,
        weights=weights,
        images=len(pictures),
        scenes=scenes,
        standings=standings,
        differences=differences,
        alike=_alike(standings, differences),
        minimum_detectable=detectable,
        ceiling=ceiling,
        note=_note(members, scenes),
    )


def _standings(
    field: _Field,
    members: Sequence[SystemScores],
    pictures: Sequence[Picture],
) -> tuple[Standing, ...]:
    if not pictures:
        return ()
    means = picture_means(members, pictures).mean(axis=1).tolist()
    labels = _labels(members)
    sign = -1.0 if field.higher else 1.0
    order = sorted(range(len(labels)), key=lambda n: (sign * means[n], labels[n]))
    places = _places(field, members, order, pictures)
    standings = []
    for n in order:
        entry = members[n].entry
        place = places.get(n, (None, None, None, None))
        standing = Standing(
            entry.system,
            entry.weights,
            entry.train_dataset,
            labels[n],
            means[n],
            *place,
        )
        standings.append(standing)
    return tuple(standings)


def _places(
    field: _Field,
    members: Sequence[SystemScores],
    order: Sequence[int],
    pictures: Sequence[Picture],
) -> dict[int, tuple[int, int | None, int | None, float | None]]:
    """Rank, lowest and highest rank, and share of first places of those that are ranked."""
    scenes = len({scene for _, scene in pictures})
    protocol = field.contest.protocol
    ranked = [n for n in order if _ranked(members[n].entry, protocol, scenes)]
    stable = _stability(field, [members[n] for n in ranked], pictures)
    places = {}
    for rank, (n, ends) in enumerate(zip(ranked, stable, strict=True), start=1):
        lowest, highest, first_places = ends
        places[n] = (rank, lowest, highest, first_places)
    return places


def _labels(members: Sequence[SystemScores]) -> list[str]:
    """The systems' names; names that a track has twice get their weights."""
    names = Counter(member.entry.system for member in members)
    labels = []
    for member in members:
        entry = member.entry
        label = entry.system
        if names[label] > 1:
            origin = filter(None, (entry.weights, entry.train_dataset))
            label += f" ({', '.join(origin)})"
        labels.append(label)
    return labels


def _ranked(entry: Entry, protocol: str, scenes: int) -> bool:
    """Whether a system has a rank; narrow copies need tests that distinguish them."""
    from defocus.benchmark.statistics.resampling import MINIMUM_SCENES

    if entry.system == INPUT:
        return False
    alike = (entry.weights, entry.budget) == (
        NARROW,
        "demo",
    ) and scenes >= MINIMUM_SCENES
    return may_be_ranked(entry.budget, protocol, entry.status, trained_alike=alike)


def _stability(
    field: _Field,
    members: Sequence[SystemScores],
    pictures: Sequence[Picture],
) -> list[tuple[int | None, int | None, float | None]]:
    """Lowest and highest rank, and the share of resamples in which each ranked system is first."""
    from defocus.benchmark.statistics.resampling import (
        MINIMUM_SCENES,
        rank_ranges,
        resampled_means,
        scene_codes,
    )

    codes = scene_codes([scene for _, scene in pictures])
    if not members or len(set(codes)) < MINIMUM_SCENES:
        return [(None, None, None)] * len(members)
    means = []
    for member in members:
        values = on_pictures(member, pictures)[None]
        means.append(resampled_means(values, codes)[0])
    ranges, first = rank_ranges(np.stack(means), higher_is_better=field.higher)
    low, high = ranges.T.tolist()
    return list(zip(low, high, first.tolist(), strict=True))


def _differences(
    members: Sequence[SystemScores],
    pictures: Sequence[Picture],
    standings: Sequence[Standing],
) -> tuple[Difference, ...]:
    from defocus.benchmark.statistics.resampling import (
        MINIMUM_SCENES,
        holm,
        minimum_detectable,
        paired_p_values,
        scene_codes,
        scene_sums,
    )

    codes = scene_codes([scene for _, scene in pictures])
    if len(members) < 2 or len(set(codes)) < MINIMUM_SCENES:
        return ()
    number = {label: index for index, label in enumerate(_labels(members))}
    sums = scene_sums(picture_means(members, pictures), codes)
    counts = np.bincount(codes).astype(np.float64)
    p_matrix = paired_p_values(sums)
    pairs = list(combinations(standings, 2))
    numbers = [(number[first.label], number[second.label]) for first, second in pairs]
    p_values = [float(p_matrix[both]) for both in numbers]
    adjusted = holm(p_values)
    differences = []
    for n, (first, second) in enumerate(pairs):
        one, other = numbers[n]
        difference = Difference(
            first=first.label,
            second=second.label,
            difference=first.value - second.value,
            p_value=p_values[n],
            p_adjusted=adjusted[n],
            significant=adjusted[n] <= SIGNIFICANCE,
            resolution=difference_resolution(
                members[one], members[other], pictures, codes
            ),
            detectable=minimum_detectable(sums[[one, other]], counts),
        )
        differences.append(difference)
    return tuple(differences)


def _alike(
    standings: Sequence[Standing],
    differences: Sequence[Difference],
) -> tuple[tuple[str, ...], ...]:
    from defocus.benchmark.statistics.resampling import groups_alike

    if not differences:
        return ()
    apart = {
        frozenset((each.first, each.second)) for each in differences if each.significant
    }
    return tuple(groups_alike([standing.label for standing in standings], apart))


def _detectable(members: Sequence[SystemScores]) -> float | None:
    from defocus.benchmark.statistics.resampling import (
        minimum_detectable,
        scene_codes,
        scene_sums,
    )

    pictures = common_pictures(members)
    if not pictures:
        return None
    codes = scene_codes([scene for _, scene in pictures])
    sums = scene_sums(picture_means(members, pictures), codes)
    return minimum_detectable(sums, np.bincount(codes).astype(np.float64))


def _ceiling(field: _Field) -> float | None:
    """Mean score of a perfect restoration."""
    group = field.ceiling
    contest = field.contest
    if group is None:
        return None
    wanted = (contest.profile, contest.protocol, contest.metric)
    for line, place in enumerate(group.places):
        its_own = (place.profile, place.protocol, place.metric)
        if its_own == wanted and group.counted[line].any():
            return float(system_scores(group, line).values.mean())
    return None


def _note(members: Sequence[SystemScores], scenes: int) -> str:
    from defocus.benchmark.statistics.resampling import MINIMUM_SCENES

    if scenes < MINIMUM_SCENES:
        return f"n/a: {counted(scenes, 'scene')}, fewer than {MINIMUM_SCENES}"
    trained = [member for member in members if member.entry.weights != "none"]
    single = [one.entry.system for one in trained if len(one.values) == 1]
    if not single:
        return ""
    names = ", ".join(sorted(single))
    return f"one training of {names}: the variance of training is not included"
