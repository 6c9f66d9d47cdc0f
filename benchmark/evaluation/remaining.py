"""Remaining work of a study: whole runs, or missing, outdated metrics of stored runs."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from defocus.benchmark.evaluation.recording import kept_outputs
from defocus.benchmark.evaluation.versions import evaluation_version
from defocus.benchmark.metrics.metric import Metric, metrics_for
from defocus.benchmark.results.run_folder import (
    checkpoint_is,
    is_repeated,
    left_out_of_run,
    run_folder,
)
from defocus.benchmark.results.store import Entry, Results
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.opening import read_whole
from defocus.processes.isolation import attempt, parted
from defocus.progress import say
from defocus.training.record.folder import training_finished


@dataclass(frozen=True)
class Left:
    """Remaining work of one run; ``metrics`` is None if it is trained or evaluated as a whole."""

    run: Run
    entry: Entry | None
    metrics: frozenset[str] | None = None


@dataclass(frozen=True)
class RunTask:
    """Remaining work of one run; ``place`` is its number among all: ``3/14``."""

    # Stage 0 needs no training, 1 trains, and 2 evaluates what a run of stage 1 trains.

    left: Left
    place: str
    stage: int


def left_of(study: Study, results: Results) -> list[Left]:
    """The runs of a study that are not finished, in their order."""
    # A finished run did not fail, has every metric in its present revision, and its pictures if
    # they are kept. One with a deleted checkpoint is not trained again; this is reported on stderr.
    entries = results.entries_by_run()
    missing = missing_metrics(results, metrics_for(study.dataset.split("test")))
    left = []
    for run in study.runs:
        entry = entries.get(run.id)
        trained = run.training or run
        if is_repeated(run_folder(study.out, trained.id)):
            left.append(Left(run, None))
        elif entry is None or entry.failed or not is_undamaged(study, run, entry):
            left.append(Left(run, entry))
        elif entry.grouping != run.group:
            if training_ready(study, run):
                left.append(Left(run, None))
            else:
                say(f"{run.id}: not restored at scales: its checkpoint was deleted")
        else:
            names = missing.get(run.id) or _readable_again(study, results, run)
            left += _left_of_scored(study, results, Left(run, entry, names))
    return left


def _left_of_scored(study: Study, results: Results, left: Left) -> list[Left]:
    """The rest of a scored run: missing metrics, or pictures that are to be kept."""
    run, entry, names = left.run, left.entry, left.metrics
    assert entry is not None  # noqa: S101 - it is scored
    if not names and not _lacks_pictures(study, results, entry):
        return []
    if _restorable(study, run, entry):
        return [left if names else Left(run, None)]
    lacking = "its pictures are not kept"
    if names:
        lacking = f"{', '.join(sorted(names))} left out"
    say(f"{run.id}: {lacking}: its checkpoint was deleted")
    return []


def tell_finished(studies: Sequence[Study], left: Sequence[Left]) -> None:
    """Report that studies have no work left, if so; without a run there is nothing to report."""
    total = sum(len(study.runs) for study in studies)
    if total and not left:
        finished = (
            "the run is finished" if total == 1 else f"all {total} runs are finished"
        )
        say(f"{finished}: nothing is repeated")


def missing_metrics(
    results: Results,
    wanted: Mapping[str, Metric],
) -> dict[str, frozenset[str]]:
    """Metrics that are missing, outdated or can now be computed, by run that lacks any."""
    ready = functools.cache(lambda name: wanted[name].ready())
    fillable = set()
    for run, name, reason in results.lacking():
        remedy = wanted[name].remedy if name in wanted else ""
        if remedy and remedy in reason and ready(name):
            fillable.add((run, name))
    current = evaluation_version()
    missing = {}
    for entry in results.entries():
        versions = results.versions(entry.run)
        stale = set()
        for name, metric in wanted.items():
            version = versions.get(name)
            changed = version is None or version.version != metric.version
            if entry.evaluation != current or changed or (entry.run, name) in fillable:
                stale.add(name)
        names = frozenset(stale)
        if names:
            missing[entry.run] = names
    return missing


def _readable_again(study: Study, results: Results, run: Run) -> frozenset[str]:
    """All metrics of a run if a test pair that was left out of it can be read now, else none."""
    unread = {one.id for one in left_out_of_run(results, run.id)}
    pairs = study.dataset.split("test")
    attempts = []
    for pair in pairs:
        if pair.id in unread:
            read = functools.partial(read_whole, pair)
            attempts.append(attempt(pair.id, read))
    again, _ = parted(attempts)
    return frozenset(metrics_for(pairs) if again else ())


def is_undamaged(study: Study, run: Run, entry: Entry) -> bool:
    """Whether the checkpoint of a stored run was deleted or is still the evaluated one."""
    folder = study.checkpoint_folder(run)
    return checkpoint_is(folder, entry.checkpoint, entry.checkpoint_stamp)


def training_ready(study: Study, run: Run) -> bool:
    """Whether the network of a run can be had without training."""
    if run.recipe is None:
        return True
    home, trained = study.trained(run)
    folder = run_folder(home.out, trained.id)
    return training_finished(folder) and not is_repeated(folder)


def _lacks_pictures(study: Study, results: Results, entry: Entry) -> bool:
    """Whether restored pictures are to be kept and are not there."""
    if not study.keep_outputs or not entry.scored:
        return False
    unread = {one.id for one in left_out_of_run(results, entry.run)}
    scored = [pair for pair in study.dataset.split("test") if pair.id not in unread]
    return not kept_outputs(study, entry).complete(scored)


def _restorable(study: Study, run: Run, entry: Entry) -> bool:
    """Whether the pictures of a run can be restored without training."""
    if not entry.scored or training_ready(study, run):
        return True
    return kept_outputs(study, entry).complete(study.dataset.split("test"))
