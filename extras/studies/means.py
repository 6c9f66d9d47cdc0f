"""Mean scores of runs, which must have some."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from defocus.benchmark.results.store import Results
from defocus.benchmark.study.outcome import Outcome
from defocus.benchmark.study.plan import Run
from defocus.errors import NotApplicableError


def mean_psnrs(results: Results, runs: Sequence[Run], protocol: str) -> list[float]:
    """Mean PSNR in dB of each run, such as a system's seeds, that has all pictures."""
    means = []
    for run in runs:
        scores = [one for one in results.scores(run.id) if one.metric == "psnr"]
        values = [one.value for one in scores if one.protocol == protocol]
        numbers = known_numbers(values)
        if numbers and len(numbers) == len(values):
            means.append(math.fsum(numbers) / len(numbers))
    return means


def mean_psnr(results: Results, runs: Sequence[Run], protocol: str) -> float | None:
    """The mean of :func:`mean_psnrs` over the runs; None if no run has all pictures."""
    means = mean_psnrs(results, runs, protocol)
    return math.fsum(means) / len(means) if means else None


def known_numbers(values: Iterable[float | None]) -> list[float]:
    """The numbers among values that may be missing."""
    return [value for value in values if value is not None]


def runs_by_system(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of each system, such as its seeds, in their order."""
    by_system: dict[str, list[Run]] = {}
    for run in runs:
        by_system.setdefault(run.system, []).append(run)
    return by_system


def with_left_out(document: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """A document with the pairs that were left out, as ``--json`` prints it."""
    left_out = [one.to_json() for one in outcome.left_out]
    return {**document, "left_out": left_out}


def require_scores(outcome: Outcome) -> None:
    """Refuse a study in which a run has no scores."""
    outcome.require_complete()
    for run, reason in outcome.unscored.items():
        raise NotApplicableError(f"{run}: {reason}; the comparison needs every line")
