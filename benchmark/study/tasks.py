"""Remaining work of a study as tasks, one a run, and where they are done."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from defocus.benchmark.evaluation.remaining import Left, RunTask, training_ready
from defocus.benchmark.metrics.metric import metrics_for
from defocus.benchmark.results.lock import tell_busy
from defocus.benchmark.results.store import Results
from defocus.benchmark.study.plan import Study
from defocus.cluster.dispatcher import each
from defocus.errors import DatasetError, ImageError
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Machines, Where
from defocus.processes.workers import usable_cores
from defocus.progress import track
from defocus.training.devices import has_gpu, visible_gpus

if TYPE_CHECKING:  # a finished study imports no torch
    from defocus.benchmark.evaluation.evaluate import Evaluated

PROCESS_BYTES = 2 * 10**9
"""Memory, in bytes, that a process with a narrow copy takes: 1.2 GB on the sample, and some
more."""


def tasks_of(
    pending: Sequence[tuple[Study, Sequence[Left]]],
) -> list[tuple[Study, list[RunTask]]]:
    """The tasks of each study by stage, so that a report is there soon."""
    total = sum(len(left) for _, left in pending)
    number = 0
    result: list[tuple[Study, list[RunTask]]] = []
    for study, left in pending:
        by_stage: dict[int, list[Left]] = defaultdict(list)
        for one in left:
            by_stage[_stage(study, one)].append(one)
        tasks = []
        for stage in sorted(by_stage):
            for one in by_stage[stage]:
                number += 1
                tasks.append(RunTask(one, f"{number}/{total}", stage))
        result.append((study, tasks))
    return result


def _stage(study: Study, left: Left) -> int:
    run = left.run
    if run.training is not None:
        return 0 if training_ready(study, run) else 2
    trains = run.recipe is not None and left.metrics is None and study.home is None
    return int(trains)


def worked(
    study: Study,
    tasks: Sequence[RunTask],
    results: Results,
    where: Where,
) -> "Iterator[tuple[str, Evaluated | DatasetError | ImageError | LeftOut | None]]":
    """Each run of some tasks with its result, as soon as it is ready; see :class:`RunWork`."""
    from defocus.benchmark.scoring.score import fetch_weights  # they import torch
    from defocus.benchmark.study.work import RunWork, work_on

    stored = results.entries_by_run()
    items = {task.left.run.id: task for task in tasks}
    tell_busy(study.out, items)
    if where == 1 or (len(items) < 2 and not isinstance(where, Machines)):
        alone = partial(work_on, RunWork(study, stored, where))
        yield from track(each(alone, items, 1), study.dataset.name, len(items))
        return
    fetch_weights(metrics_for(study.dataset.split("test")))
    gpus = visible_gpus() if isinstance(where, int) else ()
    beside = partial(work_on, RunWork(study, stored, alone=False, gpus=gpus))
    with closing(each(beside, items, where)) as done:
        yield from track(done, study.dataset.name, len(items))


def placed(
    tasks: Sequence[RunTask],
    where: Where | None,
) -> list[tuple[Sequence[RunTask], Where]]:
    """The tasks, and where they are done; ``None`` is side by side if that changes no result."""
    # Narrow copies compute in one thread anyway.
    if where is not None:
        return [(tasks, where)]
    narrow: list[RunTask] = []
    others: list[RunTask] = []
    for task in tasks:
        part = narrow if task.left.run.baseline.is_narrow else others
        part.append(task)
    return [(others, 1), (narrow, _at_once() if narrow else 1)]


def _at_once() -> int:
    """Number of processes with a narrow copy that cores and memory allow; one on a GPU."""
    if has_gpu():
        return 1
    import torch

    from defocus.training.memory import available_bytes

    return max(
        1, min(usable_cores(), available_bytes(torch.device("cpu")) // PROCESS_BYTES)
    )
