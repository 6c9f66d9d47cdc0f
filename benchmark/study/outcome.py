"""Outcome of a study, for whoever started it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from defocus.benchmark.documents.publish import publish
from defocus.benchmark.evaluation.ceiling_row import ceiling_run
from defocus.benchmark.leaderboard.rows import Row, claim_rows, replaced_entries
from defocus.benchmark.results.run_folder import (
    left_out_of_run,
    run_folder,
    training_left_out,
)
from defocus.benchmark.results.store import Results
from defocus.benchmark.statistics.comparable import Track
from defocus.benchmark.statistics.standings import tracks
from defocus.benchmark.study.plan import Study, run_ids
from defocus.errors import DefocusError, KilledError
from defocus.processes.isolation import LeftOut, say_left_out


@dataclass(frozen=True)
class Outcome:
    """Outcome of a study: its leaderboard, and the missing and failed parts of the request."""

    # ``unfinished`` are runs whose processes were killed: nothing of them is stored. ``replaced``
    # counts, by system, runs whose row another run has taken.

    rows: Sequence[Row]
    reconstructions: Sequence[str]
    failed: Sequence[str]
    unfinished: Sequence[str] = field(default=(), kw_only=True)
    unscored: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[LeftOut] = ()
    pairs: int = 0
    problems: Sequence[DefocusError] = ()
    tracks: Sequence[Track] = ()
    replaced: Mapping[str, int] = field(default_factory=dict)

    def require_complete(self) -> None:
        """Refuse a study with missing runs, for tables that need all of them."""
        if self.problems:
            raise self.problems[0]
        if self.failed:
            raise DefocusError(
                f"{', '.join(self.failed)} failed; the study is incomplete"
            )
        if self.unfinished:
            raise KilledError(
                f"{', '.join(self.unfinished)}: not finished; give the same command again"
            )

    def say_left_out(self) -> int:
        """Say which pairs are left out; return the exit code, 1 if there are any."""
        say_left_out(self.left_out, self.pairs, "pair")
        return int(bool(self.left_out))


def outcome_of(studies: Sequence[Study], results: Results) -> Outcome:
    """The outcome of a study so far; its leaderboard and reports are updated."""
    claim_study_rows(studies, results)
    rows = publish(studies[0].out, results)
    entries = results.entries()
    ids = set(run_ids(studies))
    failed = []
    unscored = {}
    for entry in entries:
        if entry.run not in ids:
            continue
        if entry.failed:
            failed.append(entry.run)
        elif not entry.scored:
            unscored[entry.run] = entry.status.partition(": ")[2]
    return Outcome(
        rows,
        sorted({entry.system for entry in entries if entry.reconstruction}),
        failed,
        unscored,
        left_out=list(dict.fromkeys(_left_out(studies, results))),
        pairs=sum(study.dataset.total for study in studies),
        tracks=tracks(results),
        replaced=Counter(entry.system for entry in replaced_entries(results)),
    )


def claim_study_rows(studies: Sequence[Study], results: Results) -> None:
    """Let the leaderboard show these studies' runs, not others that have finished after them."""
    ids = run_ids(studies)
    claim_rows(results, [*ids, *map(ceiling_run, studies)])


def _left_out(studies: Sequence[Study], results: Results) -> Iterator[LeftOut]:
    """The pairs that the datasets, the trainings and the tests of studies lack."""
    scored = {entry.run for entry in results.entries() if entry.scored}
    for study in studies:
        yield from study.dataset.without()
        for run in study.runs:
            if run.recipe is not None:
                home, trained = study.trained(run)
                folder = run_folder(home.out, trained.id)
                yield from training_left_out(folder)
            if run.id in scored:
                yield from left_out_of_run(results, run.id)
