"""Running a study: train and evaluate what is not finished, keep the outputs up to date."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from defocus.benchmark.attempt import (
    Study,
    evaluation_version,
    load_run,
    record_run,
    train_alone,
    train_run,
)
from defocus.benchmark.leaderboard import Row
from defocus.benchmark.lock import study_lock
from defocus.benchmark.metrics.registry import all_metrics
from defocus.benchmark.plan import Run
from defocus.benchmark.publish import publish, write_if_changed
from defocus.benchmark.results import Entry, Results, open_results
from defocus.benchmark.run_folder import (
    CHECKPOINT,
    checkpoint_is,
    run_folder,
    set_aside,
    training_finished,
)
from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError, InputError, WeightsError
from defocus.progress import say

if TYPE_CHECKING:  # a finished study imports no torch
    from defocus.benchmark.train import Trained

__all__ = ["Outcome", "evaluate_study", "run_study", "train_study"]

STORE = "results.sqlite"


@dataclass(frozen=True)
class Outcome:
    """What a study came to.

    Attributes:
        rows: The leaderboard of everything in the folder.
        reconstructions: Systems in it that are never ranked.
        failed: Ids of the asked runs that failed.
    """

    rows: Sequence[Row]
    reconstructions: Sequence[str]
    failed: Sequence[str]


def run_study(study: Study) -> Outcome:
    """Train and evaluate every run that is not finished; bring the outputs up to date after each.

    A finished run is never repeated: it is stored, was scored by the present code, and its
    checkpoint is undamaged (or deleted). A failed one is tried again; one without the scores of a
    metric whose weights are there now is evaluated again.

    Raises:
        StorageError: The disk is full or the folder not writable.
        InputError: A picture cannot be read, or another process works in the folder.
    """
    _require_test_pairs(study.dataset)
    with study_lock(study.out), open_results(study.out / STORE) as results:
        _write_request(study)
        evaluation = evaluation_version(study)
        entries = {entry.run: entry for entry in results.entries()}
        fillable = _fillable(study, results)
        pending = [
            run
            for run in study.runs
            if not _finished(study, run, entries.get(run.id), evaluation) or run.id in fillable
        ]
        if not pending:
            say(f"all {len(study.runs)} runs are finished: nothing is repeated")
        for number, run in enumerate(pending, start=1):
            say(f"[{number}/{len(pending)}] {run.id}")
            record_run(study, results, run, evaluation, partial(train_run, study, run))
            publish(study.out, results)
        return _outcome(study, results)


def train_study(study: Study) -> None:
    """Train every run whose training is not finished, without evaluating it.

    Raises:
        NotApplicableError: A system cannot train on this dataset.
        InputError: A system has nothing to train; or see :func:`run_study`.
        DefocusError: A training went wrong.
    """
    for run in study.runs:
        if run.recipe is None:
            command = study.command("evaluate", run.system)
            raise InputError(f"{run.system} has nothing to train; instead run: {command}")
    with study_lock(study.out):
        _write_request(study)
        for run in study.runs:
            trained = train_alone(study, run)
            folder = run_folder(study.out, run.id)
            say(f"{run.id}: trained in {trained.seconds:.0f} s, {folder / CHECKPOINT}")


def evaluate_study(study: Study) -> Outcome:
    """Evaluate every run again, from finished trainings.

    Raises:
        InputError: A run is not trained; or see :func:`run_study`.
        WeightsError: A checkpoint is damaged.
    """
    _require_test_pairs(study.dataset)
    for run in study.runs:  # before anything is written
        if run.recipe is not None and not training_finished(run_folder(study.out, run.id)):
            _load(study, run)
    with study_lock(study.out), open_results(study.out / STORE) as results:
        evaluation = evaluation_version(study)
        for number, run in enumerate(study.runs, start=1):
            say(f"[{number}/{len(study.runs)}] {run.id}")
            trained = _load(study, run)  # a damaged checkpoint stops here, before good scores go
            record_run(study, results, run, evaluation, partial(_same, trained))
            publish(study.out, results)
        return _outcome(study, results)


def _load(study: Study, run: Run) -> "Trained":
    """The network of a finished training; what else there is is named, with what mends it."""
    folder = run_folder(study.out, run.id)
    seed = ("--seed", str(run.seed)) if run.seed else ()
    mend = f"run: {study.command('train', run.system, *seed)}"
    if run.recipe is not None and not (folder / CHECKPOINT).exists():
        raise InputError(f"{folder}: no finished training of {run.system}; {mend}")
    try:
        return load_run(study, run)
    except WeightsError as error:
        raise WeightsError(f"{error}; {mend}") from error


def _outcome(study: Study, results: Results) -> Outcome:
    rows = publish(study.out, results)
    entries = results.entries()
    asked = {run.id for run in study.runs}
    return Outcome(
        rows,
        sorted({entry.system for entry in entries if entry.reconstruction}),
        [entry.run for entry in entries if entry.failed and entry.run in asked],
    )


def _require_test_pairs(dataset: Dataset) -> None:
    if not dataset.split("test"):
        raise DatasetError(f"{dataset.root}: dataset {dataset.name} has no test pairs")


def _write_request(study: Study) -> None:
    """``study.json``: what was asked for the last time."""
    document = {
        "dataset": study.dataset.name,
        "data_hash": study.dataset.content_hash,
        "runs": {run.id: run.facts() for run in study.runs},
    }
    write_if_changed(study.out / "study.json", document)


def _finished(study: Study, run: Run, entry: Entry | None, evaluation: str) -> bool:
    if entry is None or entry.failed or entry.evaluation != evaluation:
        return False
    folder = run_folder(study.out, run.id)
    if checkpoint_is(folder, entry.checkpoint, entry.checkpoint_stamp):
        return True
    set_aside(folder / CHECKPOINT, "damaged checkpoint (its content has changed)")
    return False


def _fillable(study: Study, results: Results) -> set[str]:
    """Ids of the runs with scores that lacked a metric's weights which are there now.

    A run whose checkpoint has been deleted is none of them: it would have to be trained again.
    """
    metrics = all_metrics()
    lacking = {
        run.id: {
            score.metric
            for score in results.scores(run.id)
            if (metric := metrics.get(score.metric)) and metric.remedy
            if score.value is None and metric.remedy in score.reason
        }
        for run in study.runs
        if run.recipe is None or training_finished(run_folder(study.out, run.id))
    }
    ready = {name for name in set().union(*lacking.values()) if metrics[name].ready()}
    return {run for run, names in lacking.items() if names & ready}


def _same(trained: "Trained") -> "Trained":
    return trained
