"""What a study gives to those who asked for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.statistics.comparable import Track
from defocus.errors import DefocusError, NotApplicableError
from defocus.isolation import LeftOut, say_left_out

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """Outcome of a study.

    Attributes:
        rows: The leaderboard of everything in the folder.
        reconstructions: Systems in the folder that are never ranked.
        failed: Ids of requested runs that failed, or whose metrics failed.
        unscored: Requested runs that cannot be done on this dataset: the reason by id.
        left_out: Pairs that the datasets, trainings or tests are without, as a file cannot be read.
        pairs: Number of all pairs of the datasets.
        problems: Errors that stopped the runs of one dataset or job while others continued.
        tracks: Tracks with their differences, and with ranks where these are allowed.
        replaced: Number of runs in the folder, by system, whose row in the leaderboard a later run
            with other code, settings or data has taken.
    """

    rows: Sequence[Row]
    reconstructions: Sequence[str]
    failed: Sequence[str]
    unscored: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[LeftOut] = ()
    pairs: int = 0
    problems: Sequence[DefocusError] = ()
    tracks: Sequence[Track] = ()
    replaced: Mapping[str, int] = field(default_factory=dict)

    def require_complete(self) -> None:
        """Refuse a study with missing runs, for tables that need all of them.

        Raises:
            InputError: A dataset's runs were stopped by an error.
            DefocusError: A run failed.
        """
        if self.problems:
            raise self.problems[0]
        if self.failed:
            raise DefocusError(f"{', '.join(self.failed)} failed; the study is incomplete")

    def say_left_out(self) -> int:
        """Say which pairs are left out; return the exit code, 1 if there are any."""
        say_left_out(self.left_out, self.pairs, "pair")
        return int(bool(self.left_out))

    def require_scores(self) -> None:
        """Refuse a study in which a run has no scores, for comparisons that need every run.

        Raises:
            NotApplicableError: A run cannot be done on this dataset.
        """
        self.require_complete()
        for run, reason in self.unscored.items():
            raise NotApplicableError(f"{run}: {reason}; the comparison needs every line")
