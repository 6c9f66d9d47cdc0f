"""Test pictures that could not be read: a run's scores are without them, by name."""

from defocus.benchmark.results.store import Results
from defocus.isolation import LeftOut

__all__ = ["UNREAD", "left_out_of_run"]

UNREAD = "not read: "
"""Begins the reason of the scores of a picture that was left out."""


def left_out_of_run(results: Results, run: str) -> tuple[LeftOut, ...]:
    """The test pairs that a stored run is without, as a picture could not be read."""
    unread = results.without_value(run, UNREAD)
    return tuple(LeftOut(pair, reason.removeprefix(UNREAD)) for pair, reason in unread)
