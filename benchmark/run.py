"""Running a study: train and evaluate what is not finished, keep the outputs up to date."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from defocus.benchmark.attempt import (
    Study,
    evaluation_version,
    load_run,
    record_run,
    require_test_pairs,
    train_alone,
    train_run,
)
from defocus.benchmark.leaderboard import Row
from defocus.benchmark.lock import study_lock
from defocus.benchmark.metrics.registry import all_metrics
from defocus.benchmark.parallel import ranks
from defocus.benchmark.plan import Run
from defocus.benchmark.publish import Publisher, publish
from defocus.benchmark.reference_row import record_ceiling
from defocus.benchmark.results import Entry, Results, open_results
from defocus.benchmark.run_folder import (
    CHECKPOINT,
    checkpoint_is,
    run_folder,
    set_aside,
    training_finished,
)
from defocus.benchmark.studies.document import StudyDocument, write_request
from defocus.benchmark.track import RANKED_BUDGETS, Track
from defocus.benchmark.tracks import tracks
from defocus.errors import DefocusError, InputError, WeightsError
from defocus.files import write_json_if_changed
from defocus.progress import say, telling

if TYPE_CHECKING:  # a finished study imports no torch
    from defocus.benchmark.train import Trained

__all__ = [
    "STORE",
    "Outcome",
    "evaluate_study",
    "is_finished",
    "opened_study",
    "outcome_of",
    "pending_runs",
    "run_studies",
    "run_study",
    "train_study",
]

STORE = "results.sqlite"


@dataclass(frozen=True)
class Outcome:
    """What a study came to.

    Attributes:
        rows: The leaderboard of everything in the folder.
        reconstructions: Systems in it that are never ranked.
        failed: Ids of the asked runs that failed.
        problems: What stopped the runs of one dataset, or one job, while others went on.
        tracks: What ranks and differences are worth, where anything may be ranked.
    """

    rows: Sequence[Row]
    reconstructions: Sequence[str]
    failed: Sequence[str]
    problems: Sequence[DefocusError] = ()
    tracks: Sequence[Track] = ()

    def require_complete(self) -> None:
        """Refuse a study that lacks runs, for a table that would have holes.

        Raises:
            InputError: What stopped the runs of a dataset.
            DefocusError: A run failed.
        """
        if self.problems:
            raise self.problems[0]
        if self.failed:
            raise DefocusError(f"{', '.join(self.failed)} failed; the study is incomplete")


def run_study(study: Study) -> Outcome:
    """Run the study of one dataset; see :func:`run_studies`.

    Raises:
        StorageError: The disk is full or the folder not writable.
        InputError: A picture cannot be read, or another process works in the folder.
    """
    return run_studies([study])


def run_studies(
    studies: Sequence[Study],
    request: StudyDocument | None = None,
    conclude: Callable[[Results], None] | None = None,
) -> Outcome:
    """Train and evaluate every run that is not finished; bring the outputs up to date meanwhile.

    A finished run is never repeated: it is stored, was scored by the present code, and its
    checkpoint is undamaged (or deleted). A failed one is tried again; one without the scores of a
    metric whose weights are there now is evaluated again.

    Args:
        studies: Of one folder, one per dataset.
        request: What was asked for, kept in the folder for ``resume``.
        conclude: Writes what else the study comes to, before the reports are made a last time.

    Returns:
        What came of it. Among several datasets one with a picture that cannot be read is one of
        its problems, and the others go on.

    Raises:
        StorageError: The disk is full or the folder not writable.
        InputError: The only dataset has such a picture, or another process works in the folder.
    """
    for study in studies:
        require_test_pairs(study.dataset)
    with opened_study(studies, request) as results:
        problems = []
        for left in _pending(studies, results):
            try:
                _work(left, results)
            except InputError as error:
                if len(studies) == 1:
                    raise
                say(f"{left.study.dataset.name}: {error}", error=True)
                problems.append(error)
        if conclude is not None:
            conclude(results)
        return replace(outcome_of(studies, results), problems=problems)


@contextlib.contextmanager
def opened_study(
    studies: Sequence[Study], request: StudyDocument | None = None
) -> Iterator[Results]:
    """The store of a study, its folder locked, what was asked for noted in it.

    Args:
        studies: Of one folder, one per dataset.
        request: Kept for ``resume``.

    Raises:
        StorageError: The disk is full or the folder not writable.
        InputError: Another process works in the folder.
    """
    if ranks().world > 1:
        raise InputError("under torchrun there is 'defocus-bench train' alone; evaluate afterwards")
    out = studies[0].out
    with study_lock(out), open_results(out / STORE) as results:
        _write_study(studies)
        if request is not None:
            write_request(out, request)
        yield results


def pending_runs(studies: Sequence[Study], results: Results) -> list[Run]:
    """The runs that are not finished, in their order; a damaged checkpoint is set aside.

    Raises:
        StorageError: The folder is not writable.
    """
    return [run for left in _pending(studies, results) for run in left.runs]


@dataclass(frozen=True)
class _Left:
    """What is left of the study of one dataset, and the version of the code that scores it."""

    study: Study
    runs: Sequence[Run]
    evaluation: str


def _pending(studies: Sequence[Study], results: Results) -> list[_Left]:
    entries = {entry.run: entry for entry in results.entries()}
    pending = []
    for study in studies:
        evaluation = evaluation_version(study)
        fillable = _fillable(study, results)
        runs = [
            run
            for run in study.runs
            if not is_finished(study, run, entries.get(run.id), evaluation) or run.id in fillable
        ]
        for run in runs:
            _set_damaged_aside(study, run, entries.get(run.id))
        pending.append(_Left(study, runs, evaluation))
    if not any(left.runs for left in pending):
        total = sum(len(study.runs) for study in studies)
        say(f"all {total} runs are finished: nothing is repeated")
    return pending


def _work(left: _Left, results: Results) -> None:
    study = left.study
    bring_up_to_date = Publisher(study.out, results)
    for number, run in enumerate(left.runs, start=1):
        say(f"[{number}/{len(left.runs)}] {run.id}")
        record_run(study, results, run, left.evaluation, partial(train_run, study, run))
        bring_up_to_date()
    record_ceiling(study, results, left.evaluation)


def train_study(study: Study) -> None:
    """Train every run whose training is not finished, without evaluating it.

    Under ``torchrun`` its processes share each run; the first of them has the lock and talks.

    Raises:
        NotApplicableError: A system cannot train on this dataset.
        InputError: A system has nothing to train; or see :func:`run_study`.
        DefocusError: A training went wrong.
    """
    for run in study.runs:
        if run.recipe is None:
            command = study.command("evaluate", run.system)
            raise InputError(f"{run.system} has nothing to train; instead run: {command}")
    mine = ranks()
    telling.quiet = telling.quiet or not mine.first
    with study_lock(study.out) if mine.first else contextlib.nullcontext():
        if mine.first:
            _write_study([study])
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
    require_test_pairs(study.dataset)
    for run in study.runs:  # before anything is written
        if run.recipe is not None and not training_finished(run_folder(study.out, run.id)):
            _load(study, run)
    with study_lock(study.out), open_results(study.out / STORE) as results:
        evaluation = evaluation_version(study)
        bring_up_to_date = Publisher(study.out, results)
        for number, run in enumerate(study.runs, start=1):
            say(f"[{number}/{len(study.runs)}] {run.id}")
            trained = _load(study, run)  # a damaged checkpoint stops here, before good scores go
            record_run(study, results, run, evaluation, partial(_same, trained))
            bring_up_to_date()
        record_ceiling(study, results, evaluation)
        return outcome_of([study], results)


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


def outcome_of(studies: Sequence[Study], results: Results) -> Outcome:
    """What a study has come to so far; its leaderboard and reports are brought up to date."""
    rows = publish(studies[0].out, results)
    entries = results.entries()
    asked = {run.id for study in studies for run in study.runs}
    return Outcome(
        rows,
        sorted({entry.system for entry in entries if entry.reconstruction}),
        [entry.run for entry in entries if entry.failed and entry.run in asked],
        tracks=tracks(results) if any(row.budget in RANKED_BUDGETS for row in rows) else (),
    )


def _write_study(studies: Sequence[Study]) -> None:
    """``study.json``: what was asked for the last time."""
    document = {
        "datasets": [
            {"dataset": study.dataset.name, "data_hash": study.dataset.content_hash}
            for study in studies
        ],
        "runs": {
            run.id: {"dataset": study.dataset.name, **run.facts()}
            for study in studies
            for run in study.runs
        },
    }
    write_json_if_changed(studies[0].out / "study.json", document)


def is_finished(study: Study, run: Run, entry: Entry | None, evaluation: str) -> bool:
    """Whether a run has nothing left to be done.

    Args:
        study: Of the run.
        run: That was asked for.
        entry: What is stored of it.
        evaluation: :func:`~defocus.benchmark.attempt.evaluation_version`.
    """
    if entry is None or entry.failed or entry.evaluation != evaluation:
        return False
    return _undamaged(study, run, entry)


def _undamaged(study: Study, run: Run, entry: Entry) -> bool:
    return checkpoint_is(run_folder(study.out, run.id), entry.checkpoint, entry.checkpoint_stamp)


def _set_damaged_aside(study: Study, run: Run, entry: Entry | None) -> None:
    if entry is not None and entry.scored and not _undamaged(study, run, entry):
        path = run_folder(study.out, run.id) / CHECKPOINT
        set_aside(path, "damaged checkpoint (its content has changed)")


def _fillable(study: Study, results: Results) -> set[str]:
    """Ids of the runs with scores that lacked a metric's weights which are there now.

    A run whose checkpoint has been deleted is none of them: it would have to be trained again.
    """
    metrics = all_metrics()
    lacking = [
        (run, name)
        for run, name, reason in results.lacking()
        if (metric := metrics.get(name)) and metric.remedy and metric.remedy in reason
    ]
    ready = {name for name in {name for _, name in lacking} if metrics[name].ready()}
    filled = {run for run, name in lacking if name in ready}
    return {
        run.id
        for run in study.runs
        if run.id in filled and (run.recipe is None or _trained(study, run))
    }


def _trained(study: Study, run: Run) -> bool:
    home, trained = study.trained(run)
    return training_finished(run_folder(home.out, trained.id))


def _same(trained: "Trained") -> "Trained":
    return trained
