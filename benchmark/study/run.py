"""Run a study: train and evaluate unfinished runs, and update the outputs."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from defocus.benchmark.cost.study_plan import tell_hours
from defocus.benchmark.documents.publish import Publisher, publish
from defocus.benchmark.evaluation.ceiling_row import record_ceiling
from defocus.benchmark.evaluation.kept_outputs import bytes_needed
from defocus.benchmark.evaluation.remaining import (
    Left,
    RunTask,
    is_undamaged,
    left_of,
    tell_finished,
    training_ready,
)
from defocus.benchmark.results.dataset_facts import follow_dataset
from defocus.benchmark.results.lock import run_lock, study_lock, tell_busy
from defocus.benchmark.results.run_folder import (
    KEPT_SCORES,
    LATER,
    package_version,
    run_folder,
    training_left_out,
)
from defocus.benchmark.results.store import STORE, Results, open_results
from defocus.benchmark.study.attempt import (
    ask_again,
    load_run,
    require_test_pairs,
    tell_versions,
    train_alone,
)
from defocus.benchmark.study.changed_sources import tell_changes, write_study
from defocus.benchmark.study.document import StudyDocument, write_request
from defocus.benchmark.study.outcome import Outcome, claim_study_rows, outcome_of
from defocus.benchmark.study.plan import Run, Study, run_ids, runs_of
from defocus.benchmark.study.tasks import placed, tasks_of, worked
from defocus.datasets.seen_pairs import require_unseen
from defocus.errors import InputError, KilledError, WeightsError
from defocus.processes.isolation import LeftOut, attempt, say_left_out
from defocus.processes.machines import Machines, Where
from defocus.progress import counted, say, telling, track
from defocus.training.parallel import ranks
from defocus.training.record.folder import (
    CHECKPOINT,
    code_of,
    set_aside,
    training_finished,
)

if TYPE_CHECKING:  # a finished study imports no torch
    from defocus.training.loop import Trained


def run_studies(
    studies: Sequence[Study],
    request: StudyDocument | None = None,
    conclude: Callable[[Results], None] | None = None,
    *,
    again: bool = False,
    where: Where | None = 1,
) -> Outcome:
    """Train and evaluate every unfinished run, and update the outputs meanwhile."""
    # A finished run is never repeated, no matter which version finished it; a failed one is tried
    # again. Of several datasets, one with an unreadable picture becomes a problem and the others
    # continue. With several processes or machines, several runs are worked on at once; ``None`` is
    # as many as there are cores, where that changes no result.
    for study in studies:
        require_test_pairs(study.dataset)
    with opened_study(studies, request) as results:
        if again:
            ask_again(studies)
        problems, failed, unfinished = [], [], []
        pending = _pending(studies, results)
        if not isinstance(where, Machines):
            tell_hours(pending)
        for study, tasks in tasks_of(pending):
            try:
                without_metric, left = _work(study, tasks, results, where)
                failed += without_metric
                unfinished += left
            except InputError as error:
                if len(studies) == 1:
                    raise
                say(f"{study.dataset.name}: {error}", error=True)
                problems.append(error)
        _measure_alone(studies, results)
        if conclude is not None:
            conclude(results)
        outcome = outcome_of(studies, results)
        return replace(
            outcome,
            failed=[*outcome.failed, *failed],
            unfinished=unfinished,
            problems=problems,
        )


@contextlib.contextmanager
def opened_study(
    studies: Sequence[Study],
    request: StudyDocument | None = None,
) -> Iterator[Results]:
    """Lock the folder of a study, record the request, and open the store."""
    if ranks().world > 1:
        raise InputError(
            "under torchrun only 'defocus-bench train' works; evaluate afterwards"
        )
    for study in studies:
        if study.home is not None:
            require_unseen(study.home.dataset, study.dataset)
    out = studies[0].out
    with study_lock(out), open_results(out / STORE) as results:
        tell_changes(studies)
        write_study(studies)
        if request is not None:
            write_request(out, request)
        for study in studies:
            follow_dataset(study.dataset, results)
        claim_study_rows(studies, results)
        yield results


def pending_runs(studies: Sequence[Study], results: Results) -> list[Run]:
    """The unfinished runs in order; damaged checkpoints are set aside."""
    return [one.run for one in _all_left(_pending(studies, results))]


def _pending(
    studies: Sequence[Study],
    results: Results,
) -> list[tuple[Study, list[Left]]]:
    """Remaining work of each study; damaged checkpoints are set aside."""
    pending = [(study, left_of(study, results)) for study in studies]
    for study, left in pending:
        for one in left:
            _set_damaged_aside(study, one)
    left = _all_left(pending)
    tell_finished(studies, left)
    waiting = {one.run.id for one in left if one.metrics is None}
    ids = set(run_ids(studies))
    tell_versions(results.entries(), ids - waiting)
    return pending


def _all_left(pending: Sequence[tuple[Study, list[Left]]]) -> list[Left]:
    """The remaining work of all studies."""
    every: list[Left] = []
    for _, left in pending:
        every += left
    return every


def _work(
    study: Study,
    tasks: Sequence[RunTask],
    results: Results,
    where: Where | None,
) -> tuple[list[str], list[str]]:
    """Do the remaining work; return the runs with a failed metric, and the unfinished ones."""
    _tell_size(study, len(tasks))
    bring_up_to_date = Publisher(study.out, results)
    failed = []
    unfinished = []
    scored = 0
    for stage, group in groupby(tasks, key=attrgetter("stage")):
        part = list(group)
        if stage == 1 and scored:
            _tell_first_step(study, results, len(part))
        worked_on = (
            worked(study, some, results, place) for some, place in placed(part, where)
        )
        for run, result in chain.from_iterable(worked_on):
            if isinstance(result, InputError):
                raise result
            if isinstance(result, LeftOut):
                say(f"{run}: {result.reason}", error=True)
                unfinished.append(run)
            elif result is None:
                failed.append(run)
            else:
                result.store(study, results)
            bring_up_to_date()
        scored += len(part)
    record_ceiling(study, results)
    return failed, unfinished


def _measure_alone(studies: Sequence[Study], results: Results) -> None:
    """Measure the seconds of runs that shared the machine, now that it has no other work."""
    waiting = []
    for study, run in runs_of(studies):
        later = any(cost.reason == LATER for cost in results.costs(run.id))
        if later and training_ready(study, run):
            waiting.append((study, run))
    if not waiting:
        return
    from defocus.benchmark.evaluation.seconds import measured_seconds  # imports torch

    say(f"the seconds of {counted(len(waiting), 'run')} are measured, each alone")
    for study, run in track(waiting, "seconds"):
        results.store_costs(run.id, measured_seconds(study, run))


def _tell_first_step(study: Study, results: Results, trained: int) -> None:
    """Bring the report up to date before the trainings begin, and say that they do."""
    record_ceiling(study, results)
    publish(study.out, results)
    say(
        f"systems without training are scored: {study.out / 'report.html'}; now "
        f"{counted(trained, 'training')}, whose rows are added one by one"
    )


def _tell_size(study: Study, runs: int) -> None:
    """Print the disk space for kept pictures before the work begins."""
    if not study.keep_outputs or not runs:
        return
    needed = runs * bytes_needed(study.dataset.split("test"))
    free = shutil.disk_usage(study.out).free
    say(
        f"keeping the restored pictures of {counted(runs, 'run')} takes up to "
        f"{needed / 1e6:,.1f} MB in {study.out}, where {free / 1e6:,.0f} MB are free"
    )


def train_study(study: Study, *, again: bool = False) -> int:
    """Train every unfinished run without evaluation; return 1 if a pair is left out, else 0."""
    # Under ``torchrun`` the processes share each run; the first one holds the lock and prints
    # messages.
    for run in study.runs:
        if run.recipe is None:
            command = study.command("evaluate", run.system)
            raise InputError(f"{run.system} needs no training; run instead: {command}")
    mine = ranks()
    if again and mine.world > 1:
        raise InputError(
            "--again does not work with torchrun; move the run's folder away instead"
        )
    telling.quiet = telling.quiet or not mine.first
    with study_lock(study.out) if mine.first else contextlib.nullcontext():
        if mine.first:
            tell_changes([study])
            write_study([study])
            tell_busy(study.out, [run.id for run in study.runs])
        if again:
            ask_again([study], evaluated=False)
        for run in study.runs:
            with (
                run_lock(study.out, run.id) if mine.first else contextlib.nullcontext()
            ):
                trained = train_alone(study, run)
            folder = run_folder(study.out, run.id)
            by, now = code_of(folder), package_version()
            other = "" if by == now else f"; trained by {by}, this is {now}"
            say(
                f"{run.id}: trained in {trained.seconds:.0f} s, {folder / CHECKPOINT}{other}"
            )
        lacking = dict.fromkeys(study.dataset.without())
        for run in study.runs:
            folder = run_folder(study.out, run.id)
            lacking |= dict.fromkeys(training_left_out(folder))
        say_left_out(list(lacking), study.dataset.total, "pair")
        return int(bool(lacking))


def evaluate_study(study: Study, where: Where = 1) -> Outcome:
    """Evaluate every run again by every metric, from finished trainings, without stored results."""
    require_test_pairs(study.dataset)
    for run in study.runs:  # before anything is written
        trained = run.training or run
        if run.recipe is not None and not training_finished(
            run_folder(study.out, trained.id)
        ):
            _load(study, run)
    from defocus.benchmark.evaluation.evaluate import evaluated_run  # imports torch

    with study_lock(study.out), open_results(study.out / STORE) as results:
        follow_dataset(study.dataset, results)
        bring_up_to_date = Publisher(study.out, results)
        _tell_size(study, len(study.runs))
        tell_busy(study.out, [run.id for run in study.runs])
        unfinished = []
        for number, run in enumerate(study.runs, start=1):
            say(f"[{number}/{len(study.runs)}] {run.id}")
            # a damaged checkpoint stops here, before good scores go
            network = _load(study, run)
            evaluate = partial(evaluated_run, study, run, trained=network, where=where)
            with run_lock(study.out, run.id):
                (run_folder(study.out, run.id) / KEPT_SCORES).unlink(missing_ok=True)
                evaluated = attempt(run.id, evaluate, (KilledError,))
            if isinstance(evaluated, LeftOut):
                say(f"{run.id}: {evaluated.reason}", error=True)
                unfinished.append(run.id)
                continue
            evaluated.store(study, results)
            bring_up_to_date()
        record_ceiling(study, results)
        return replace(outcome_of([study], results), unfinished=unfinished)


def _load(study: Study, run: Run) -> "Trained":
    """Load the network of a finished training; the error for an unfinished one names the remedy."""
    trained = run.training or run
    folder = run_folder(study.out, trained.id)
    seed = ("--seed", str(run.seed)) if run.seed else ()
    command = study.command("train", trained.system, *seed)
    mend = f"run: {command}"
    if run.recipe is not None and not (folder / CHECKPOINT).exists():
        raise InputError(f"{folder}: no finished training of {trained.system}; {mend}")
    try:
        return load_run(study, run)
    except WeightsError as error:
        raise WeightsError(f"{error}; {mend}") from error


def _set_damaged_aside(study: Study, left: Left) -> None:
    entry = left.entry
    run = left.run
    if entry is None or run.training is not None:
        return
    if entry.scored and not is_undamaged(study, run, entry):
        path = run_folder(study.out, run.id) / CHECKPOINT
        set_aside(path, "damaged checkpoint (its content has changed)")
