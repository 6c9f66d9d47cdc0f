"""Scores of runs that differ only by seed, as one array."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defocus.benchmark.results.scores.score_matrix import MatrixLine, ScoreMatrix
from defocus.benchmark.results.store import Entry, Results

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ScoredGroup", "scored_group"]


@dataclass(frozen=True)
class ScoredGroup:
    """Scores behind a row of the leaderboard; ``values`` is ``(places, seeds, pictures)``."""

    # A seed without a picture's value has the mean of the other seeds, NaN if no seed has one.
    # Places (profile, protocol and metric) and pictures are sorted.

    entries: tuple[Entry, ...]
    pictures: tuple[tuple[str, str], ...]
    places: tuple[MatrixLine, ...]
    versions: tuple[str, ...]
    values: "NDArray[np.float64]"

    @property
    def counted(self) -> "NDArray[np.bool_]":
        """Whether each picture has a value, ``(places, pictures)``."""
        import numpy as np

        return np.isfinite(self.values[:, 0])

    def image_values(self) -> "NDArray[np.float64]":
        """Means over seeds, ``(places, pictures)``; NaN if there is no value."""
        import numpy as np

        return np.asarray(self.values.mean(axis=1))


def scored_group(results: Results, entries: Sequence[Entry]) -> ScoredGroup:
    """Read the scores of a group of runs."""
    import numpy as np

    counted = [entry for entry in entries if entry.scored] or list(entries[:1])
    matrices = [results.matrix(entry.run) for entry in counted]
    first = matrices[0]
    if any(each.pictures != first.pictures or each.places != first.places for each in matrices):
        matrices = _on_common_ground(matrices)
    values = np.stack([each.values for each in matrices], axis=1)
    if len(matrices) > 1:
        values = _filled(values)
    places = matrices[0].places
    versions = _versions(results, counted, [place.metric for place in places])
    return ScoredGroup(tuple(counted), matrices[0].pictures, places, versions, values)


def _versions(
    results: Results, entries: Sequence[Entry], metrics: Sequence[str]
) -> tuple[str, ...]:
    stored = [results.versions(entry.run) for entry in entries]
    found = {
        metric: ", ".join(sorted({each[metric].version for each in stored if metric in each}))
        for metric in set(metrics)
    }
    return tuple(found[metric] for metric in metrics)


def _filled(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    import numpy as np

    there = np.isfinite(values)
    many = there.sum(axis=1, keepdims=True)
    totals = np.where(there, values, 0.0).sum(axis=1, keepdims=True)
    mean = np.where(many > 0, totals / np.maximum(many, 1), np.nan)
    return np.where(there, values, mean)


def _on_common_ground(matrices: Sequence[ScoreMatrix]) -> list[ScoreMatrix]:
    """Extend all matrices to the union of their pictures and places."""
    import numpy as np

    pictures = tuple(sorted({picture for each in matrices for picture in each.pictures}))
    known = {
        (p.profile, p.protocol, p.metric): p for each in reversed(matrices) for p in each.places
    }
    places = tuple(known[where] for where in sorted(known))
    column = {picture: number for number, picture in enumerate(pictures)}
    line = {where: number for number, where in enumerate(sorted(known))}
    common = []
    for each in matrices:
        values = np.full((len(places), len(pictures)), np.nan)
        lines = [line[p.profile, p.protocol, p.metric] for p in each.places]
        values[np.ix_(lines, [column[picture] for picture in each.pictures])] = each.values
        common.append(ScoreMatrix(pictures, places, values))
    return common
