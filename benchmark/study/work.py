"""Work on one run of a study, in the process of the command or wherever it is sent."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import current_process

from defocus.benchmark.evaluation.evaluate import (
    Evaluated,
    evaluated_columns,
    evaluated_run,
)
from defocus.benchmark.evaluation.remaining import RunTask
from defocus.benchmark.results.lock import run_lock
from defocus.benchmark.results.store import Entry
from defocus.benchmark.study.plan import Study
from defocus.errors import DatasetError, ImageError
from defocus.processes.machines import Where
from defocus.progress import say
from defocus.training.devices import VISIBLE


@dataclass(frozen=True)
class RunWork:
    """Facts that all tasks of a study share."""

    # ``where`` is for the pictures of a run. Where other runs are worked on beside it, the run is
    # not ``alone``, and each process has one of ``gpus``. ``stored`` are the entries by run.

    study: Study
    stored: Mapping[str, Entry]
    where: Where = 1
    alone: bool = True
    gpus: Sequence[str] = ()


def work_on(
    shared: RunWork,
    task: RunTask,
) -> Evaluated | DatasetError | ImageError | None:
    """Result of a run; None if metrics failed, an error if its dataset cannot be used."""
    if shared.gpus:
        os.environ[VISIBLE] = shared.gpus[_process_number() % len(shared.gpus)]
    study, run = shared.study, task.left.run
    say(f"[{task.place}] {run.id}{_words(study, task)}")
    try:
        with run_lock(study.out, run.id):
            return _result_of(shared, task)
    except (DatasetError, ImageError) as error:
        return error


def _result_of(shared: RunWork, task: RunTask) -> Evaluated | None:
    """The result of a run whose folder this process has; None if metrics failed."""
    study, left, run = shared.study, task.left, task.left.run
    if left.entry is not None and left.metrics is not None:
        return evaluated_columns(study, run, left.entry, left.metrics, shared.where)
    training = None if run.training is None else shared.stored.get(run.training.id)
    return evaluated_run(
        study,
        run,
        training,
        where=shared.where,
        alone=shared.alone,
    )


def _process_number() -> int:
    """The number that ``multiprocessing`` gave to this process; those of a pool follow on."""
    number = current_process().name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _words(study: Study, task: RunTask) -> str:
    """Words about a task after the name of its run: label and missing metrics."""
    run = task.left.run
    words = ""
    label = study.labels.get(run.system)
    if label:
        words = f" ({label}, {study.dataset.name}, seed {run.seed})"
    metrics = task.left.metrics
    if metrics is not None:
        words += f": {', '.join(sorted(metrics))}"
    return words
