"""Request of a comparison with published numbers, from the command line."""

from pathlib import Path

from defocus.baselines.registry import baseline
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.published.compare import Comparison, compared
from defocus.benchmark.results.store import NARROW, STORE, read_results
from defocus.errors import InputError, NotApplicableError

__all__ = ["compare_study"]


def compare_study(out: Path, system: str) -> list[Comparison]:
    """Compare a system's rows of a study with published cells; narrow copies are in no paper."""
    published_as = baseline(system).card.published_as
    if published_as is None:
        raise NotApplicableError(f"no published table that we know has the system {system}")
    with read_results(out / STORE) as results:
        rows = [row for row in leaderboard(results) if row.system == system]
    if not rows:
        raise InputError(f"{out} has no results of {system}; run it first")
    rows = [row for row in rows if row.weights != NARROW]
    if not rows:
        raise NotApplicableError(
            f"{out} has only the narrow copy of {system}, and papers print the whole network: "
            f"train it with --budget quick, or: defocus-bench evaluate {system} --weights FILE"
        )
    return compared(rows, published_as)
