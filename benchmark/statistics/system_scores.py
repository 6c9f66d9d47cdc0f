"""Scores of several systems over the same pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defocus.benchmark.results.store import Entry
from defocus.benchmark.statistics.resolution import moved_changes, resolution
from defocus.benchmark.statistics.scored_group import ScoredGroup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Picture",
    "SystemScores",
    "common_pictures",
    "difference_resolution",
    "on_pictures",
    "picture_means",
    "system_scores",
]

Picture = tuple[str, str]


@dataclass(frozen=True)
class SystemScores:
    """One system's scores by one metric under one protocol; ``values`` is ``(seeds, pictures)``."""

    entry: Entry
    pictures: tuple[Picture, ...]
    values: "NDArray[np.float64]"
    changes: "NDArray[np.float64] | None" = None


def system_scores(group: ScoredGroup, line: int) -> SystemScores:
    """Select the scores of one line of a group."""
    import numpy as np

    counted = group.counted[line]
    pictures = tuple(group.pictures[column] for column in np.flatnonzero(counted))
    values = group.values[line][:, counted]
    return SystemScores(group.entries[0], pictures, values, moved_changes(group, line))


def common_pictures(members: Sequence[SystemScores]) -> list[Picture]:
    """The pictures that all systems have scores of, sorted; empty without systems."""
    sets = {member.pictures for member in members}
    return sorted(set.intersection(*map(set, sets))) if sets else []


def on_pictures(member: SystemScores, pictures: Sequence[Picture]) -> "NDArray[np.float64]":
    """Scores ``(seeds, pictures)`` of these pictures only, in their order."""
    import numpy as np

    return np.asarray(member.values[:, _columns(member, pictures)])


def _columns(member: SystemScores, pictures: Sequence[Picture]) -> list[int]:
    column = {picture: number for number, picture in enumerate(member.pictures)}
    return [column[picture] for picture in pictures]


def difference_resolution(
    one: SystemScores, other: SystemScores, pictures: Sequence[Picture], codes: tuple[int, ...]
) -> float | None:
    """How far the mean difference of two systems changes where the references are moved."""
    if one.changes is None or other.changes is None:
        return None
    mine = one.changes[:, _columns(one, pictures)]
    return resolution(mine - other.changes[:, _columns(other, pictures)], codes)


def picture_means(
    members: Sequence[SystemScores], pictures: Sequence[Picture]
) -> "NDArray[np.float64]":
    """Means over seeds, ``(systems, pictures)``."""
    import numpy as np

    return np.stack([on_pictures(member, pictures).mean(axis=0) for member in members])
