"""Interface of a speed case: our implementation against a plain one, in the same run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.speed.measuring import Way, Work, cpu_seconds

__all__ = ["Case", "CaseOutcome", "ours_and_peer"]


@dataclass(frozen=True)
class CaseOutcome:
    """Result of a measurement.

    Attributes:
        ours: CPU seconds of our code on one thread, the minimum of several repeats.
        peer: CPU seconds of the alternative, measured in the same way.
        max_difference: Largest difference between both results, as the case defines it.
    """

    ours: float
    peer: float
    max_difference: float


@dataclass(frozen=True)
class Case:
    """One comparison; modules of :mod:`tests.speed.cases` list theirs as ``CASES``.

    Attributes:
        name: Name on the command line.
        target: Required speed-up.
        tolerance: Allowed difference of the results.
        measure: Runs the measurement.
        note: What the ratio is against, where the peer's work is not the same.
    """

    name: str
    target: float
    tolerance: float
    measure: Callable[[], CaseOutcome]
    note: str = ""

    def to_json(self, outcome: CaseOutcome) -> dict[str, Any]:
        """The row of ``--json``."""
        return {
            "name": self.name,
            "ours": outcome.ours,
            "peer": outcome.peer,
            "ratio": outcome.peer / outcome.ours,
            "target": self.target,
            "max_difference": outcome.max_difference,
            "tolerance": self.tolerance,
        }


def ours_and_peer(
    ours: Callable[[], Work], peer: Callable[[], Work], difference: Callable[[], float]
) -> CaseOutcome:
    """Measure two implementations, each in a fresh process on one thread.

    Args:
        ours: A module's function that makes the inputs and returns the work.
        peer: The same for the alternative.
        difference: Function that compares the results; called in this process.
    """
    return CaseOutcome(
        cpu_seconds(Way("ours", ours)), cpu_seconds(Way("peer", peer)), float(difference())
    )
