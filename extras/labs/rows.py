"""The leaderboard that follows from stated scores."""

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from defocus.benchmark.leaderboard.rows import Row, leaderboard
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import (
    STORE,
    Cost,
    Entry,
    MetricVersion,
    open_results,
)
from defocus.extras.labs.statement import RunFacts

StoredRun = tuple[Entry, Sequence[Score], Sequence[Cost], Iterable[MetricVersion]]

_ROUNDING = 1e-6
"""Largest relative difference of sums: sums of a million numbers differ more between processors
than single numbers."""


def rows_of(runs: Iterable[StoredRun]) -> list[Row]:
    """The leaderboard of some runs, as a study with these alone would have it."""
    with (
        tempfile.TemporaryDirectory(prefix="defocus-rows-") as folder,
        open_results(Path(folder) / STORE) as results,
    ):
        for entry, scores, costs, versions in runs:
            results.record(entry, scores, costs, versions)
        return leaderboard(results)


def rows_of_scores(
    runs: Iterable[RunFacts],
    by_run: Mapping[str, Sequence[Score]],
) -> list[Row]:
    """The leaderboard of a submission's runs by their scores; a run without any is left out."""
    scored = []
    for run in runs:
        scores = by_run.get(run.entry.run)
        if scores is not None:
            scored.append((run.entry, scores, run.costs, run.versions))
    return rows_of(scored)


def different_cell(stated: Sequence[Row], computed: Sequence[Row]) -> str:
    """The first difference between two leaderboards, in words; empty if there is none."""
    # earlier versions had fewer
    costs = {row.metric for row in stated if not row.protocol}
    computed = [
        r for r in computed if r.protocol or r.metric in costs or r.value is not None
    ]
    if len(stated) != len(computed):
        return f"{len(stated)} rows are stated, {len(computed)} follow from the scores"
    for one, other in zip(stated, computed, strict=True):
        for field in fields(Row):
            said = getattr(one, field.name)
            follows = getattr(other, field.name)
            if not _alike(said, follows):
                where = " ".join(
                    filter(None, (one.system, one.protocol, one.metric, field.name))
                )
                return f"{where}: {said} is stated, {follows} follows from the scores"
    return ""


def _alike(said: object, follows: object) -> bool:
    if isinstance(said, float) and isinstance(follows, float):
        return math.isclose(said, follows, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    return said == follows
