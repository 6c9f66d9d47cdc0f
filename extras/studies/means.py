"""Mean scores of runs, which must have some."""

import math
from collections.abc import Sequence

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
        numbers = [value for value in values if value is not None]
        if numbers and len(numbers) == len(values):
            means.append(math.fsum(numbers) / len(numbers))
    return means


def mean_psnr(results: Results, runs: Sequence[Run], protocol: str) -> float | None:
    """The mean of :func:`mean_psnrs` over the runs; None if no run has all pictures."""
    means = mean_psnrs(results, runs, protocol)
    return math.fsum(means) / len(means) if means else None


def require_scores(outcome: Outcome) -> None:
    """Refuse a study in which a run has no scores."""
    outcome.require_complete()
    for run, reason in outcome.unscored.items():
        raise NotApplicableError(f"{run}: {reason}; the comparison needs every line")
