"""Running a study: train and evaluate what is not finished, keep the outputs up to date."""

import hashlib
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.benchmark.leaderboard import PROTOCOL_ORDER, Row
from defocus.benchmark.lock import study_lock
from defocus.benchmark.metrics.registry import all_metrics
from defocus.benchmark.plan import Run
from defocus.benchmark.profiles import DEFAULT
from defocus.benchmark.provenance import code_version, library_versions, machine
from defocus.benchmark.publish import publish, write_if_changed
from defocus.benchmark.results import COSTS, Cost, Entry, Results, Score, open_results
from defocus.benchmark.run_folder import (
    CHECKPOINT,
    checkpoint_is,
    run_folder,
    set_aside,
    stamp,
    training_finished,
)
from defocus.datasets.pair import Dataset
from defocus.errors import (
    DatasetError,
    DefocusError,
    ImageError,
    InputError,
    NotApplicableError,
    StorageError,
)
from defocus.files import make_folder, sha256_file, write_json, write_text
from defocus.progress import say

if TYPE_CHECKING:  # a finished study imports no torch
    from defocus.benchmark.train import Trained

__all__ = ["ESTIMATOR", "Outcome", "Study", "evaluate_study", "run_study", "train_study"]

ESTIMATOR = "dis"
"""Flow estimator behind the targets that are registered or warped."""

STORE = "results.sqlite"

_CRASHES = (
    DefocusError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a faulty system raises: its run fails and the study goes on. Not in it: ``OSError`` of our
own reading and writing, and the person's Ctrl-C."""

_OURS = (StorageError, DatasetError, ImageError)
"""What no system is to blame for: the study stops."""


@dataclass(frozen=True)
class Study:
    """What is asked for.

    Attributes:
        out: Folder of the study.
        dataset: To train on and to evaluate on.
        runs: What to train and evaluate.
    """

    out: Path
    dataset: Dataset
    runs: Sequence[Run]

    def only_seed(self, seed: int) -> "Study":
        """The same with the runs of one seed alone."""
        return replace(self, runs=[run for run in self.runs if run.seed == seed])


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
    checkpoint is undamaged (or deleted). A failed one is tried again.

    Raises:
        StorageError: The disk is full or the folder not writable.
        InputError: A picture cannot be read, or another process works in the folder.
    """
    _require_test_pairs(study.dataset)
    with study_lock(study.out), open_results(study.out / STORE) as results:
        _write_request(study)
        evaluation = _evaluation_version(study)
        entries = {entry.run: entry for entry in results.entries()}
        pending = [r for r in study.runs if not _finished(study, r, entries.get(r.id), evaluation)]
        if not pending:
            say(f"all {len(study.runs)} runs are finished: nothing is repeated")
        for number, run in enumerate(pending, start=1):
            say(f"[{number}/{len(pending)}] {run.id}")
            _record(study, results, run, evaluation, partial(_train, study, run))
            publish(study.out, results)
        return _outcome(study, results)


def train_study(study: Study) -> None:
    """Train every run whose training is not finished, without evaluating it.

    Raises:
        NotApplicableError: A system cannot train on this dataset.
        InputError: A system has nothing to train; or see :func:`run_study`.
        DefocusError: A training went wrong.
    """
    with study_lock(study.out):
        _write_request(study)
        for run in study.runs:
            if run.recipe is None:
                raise InputError(
                    f"{run.system} has nothing to train; "
                    f"run 'defocus-bench evaluate {run.system}' instead"
                )
            trained = _train(study, run)
            folder = run_folder(study.out, run.id)
            say(f"{run.id}: trained in {trained.seconds:.0f} s, {folder / CHECKPOINT}")


def evaluate_study(study: Study) -> Outcome:
    """Evaluate every run again, from finished trainings.

    Raises:
        InputError: A run is not trained; or see :func:`run_study`.
        WeightsError: A checkpoint is damaged.
    """
    _require_test_pairs(study.dataset)
    with study_lock(study.out), open_results(study.out / STORE) as results:
        evaluation = _evaluation_version(study)
        for run in study.runs:
            folder = run_folder(study.out, run.id)
            if run.recipe is not None and not training_finished(folder):
                raise InputError(
                    f"{folder}: no finished training of {run.system}; "
                    f"run 'defocus-bench train {run.system} --out {study.out}' first"
                )
        for number, run in enumerate(study.runs, start=1):
            say(f"[{number}/{len(study.runs)}] {run.id}")
            trained = _load(study, run)  # a damaged checkpoint stops here, before good scores go
            _record(study, results, run, evaluation, partial(_same, trained))
            publish(study.out, results)
        return _outcome(study, results)


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


def _evaluation_version(study: Study) -> str:
    """Hash of what decides a score beside the run: code of metrics and protocols, data, choices."""
    modules = {metric.compute.__module__ for metric in all_metrics().values()}
    code = code_version({"defocus.benchmark.evaluate", *modules})
    parts = [code, study.dataset.content_hash, ESTIMATOR, repr(DEFAULT), *all_metrics()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _finished(study: Study, run: Run, entry: Entry | None, evaluation: str) -> bool:
    if entry is None or entry.failed or entry.evaluation != evaluation:
        return False
    folder = run_folder(study.out, run.id)
    if checkpoint_is(folder, entry.checkpoint, entry.checkpoint_stamp):
        return True
    set_aside(folder / CHECKPOINT, "damaged checkpoint (its content has changed)")
    return False


def _train(study: Study, run: Run) -> "Trained":
    """The trained network of a run, trained now as far as it is not."""
    from defocus.baselines.registry import objective
    from defocus.benchmark.evaluate import check_inputs
    from defocus.benchmark.train import best_device, train
    from defocus.datasets.patches import training_patches

    check_inputs(run.baseline.card, study.dataset.pairs)
    if run.recipe is None:
        return _load(study, run)
    recipe = run.recipe
    crop_px = run.schedule.crop_px
    patches = training_patches(study.dataset, "train", recipe.target, crop_px, ESTIMATOR)
    # An epoch shows as many pixels as the training pictures have.
    pixels = sum(height * width for height, width in patches.store.sizes)
    return train(
        run,
        lambda: objective(recipe.objective),
        patches,
        make_folder(run_folder(study.out, run.id)),
        best_device(),
        epoch_crops=max(1, pixels // crop_px**2),
    )


def _load(study: Study, run: Run) -> "Trained":
    """The network of a finished training, or of a system without one."""
    from defocus.benchmark.train import Trained, load_trained

    if run.recipe is None:
        return Trained(run.baseline.build(), 0.0)
    return load_trained(run, run_folder(study.out, run.id))


def _same(trained: "Trained") -> "Trained":
    return trained


def _record(
    study: Study, results: Results, run: Run, evaluation: str, network: Callable[[], "Trained"]
) -> None:
    """Evaluate one run and store it, whatever it comes to."""
    folder = make_folder(run_folder(study.out, run.id))
    entry = _entry(study, run, evaluation)
    try:
        scores, costs = _evaluate(study, run, network(), folder)
    except _OURS:
        raise
    except NotApplicableError as error:
        status = f"not-applicable: {_one_line(error)}"
    except _CRASHES as error:
        status = f"failed: {_one_line(error)}"
        write_text(folder / "failure.txt", traceback.format_exc())
    else:
        (folder / "failure.txt").unlink(missing_ok=True)
        results.record(_with_checkpoint(entry, folder), scores, costs)
        return
    say(f"{run.id}: {status}")
    reason = status.partition(": ")[2]
    results.record(replace(entry, status=status), _no_scores(reason), _no_costs(reason))


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, DefocusError) else f"{type(error).__name__}: {text}"


def _no_scores(reason: str) -> list[Score]:
    """What stands in the store for a run without scores, so that tables have its lines."""
    return [
        Score(DEFAULT.name, protocol, metric, "", "", None, reason=reason)
        for protocol in PROTOCOL_ORDER
        for metric in all_metrics()
    ]


def _no_costs(reason: str) -> list[Cost]:
    return [Cost(name, None, reason) for name in COSTS]


def _evaluate(
    study: Study, run: Run, trained: "Trained", folder: Path
) -> tuple[list[Score], list[Cost]]:
    from defocus.align.flow import flow_estimator
    from defocus.benchmark.evaluate import evaluate
    from defocus.benchmark.train import best_device

    device = best_device()
    started = time.monotonic()
    scores, costs = evaluate(
        trained.network,
        run.baseline.card,
        study.dataset,
        study.dataset.split("test"),
        flow_estimator(ESTIMATOR),
        folder,
        device=device,
    )
    write_json(
        folder / "run.json",
        {
            "run": run.id,
            **run.facts(),
            "dataset": study.dataset.name,
            "data_hash": study.dataset.content_hash,
            "profile": DEFAULT.name,
            "flow_estimator": ESTIMATOR,
            "device": str(device),
            "libraries": library_versions(),
            "machine": machine(),
            "training_seconds": round(trained.seconds, 3),
            "evaluation_seconds": round(time.monotonic() - started, 3),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    return scores, costs


def _entry(study: Study, run: Run, evaluation: str) -> Entry:
    card = run.baseline.card
    trained = run.recipe is not None
    return Entry(
        run=run.id,
        grouping=run.group,
        evaluation=evaluation,
        system=run.system,
        input=card.input,
        weights="trained" if trained else "none",
        reconstruction=int(card.status == "reconstruction"),
        train_dataset=study.dataset.name if trained else "",
        dataset=study.dataset.name,
        data_hash=study.dataset.content_hash,
        split="test",
        budget=run.budget,
        seed=run.seed,
        status="ok",
    )


def _with_checkpoint(entry: Entry, folder: Path) -> Entry:
    path = folder / CHECKPOINT
    if entry.weights == "none" or not path.exists():
        return entry
    return replace(entry, checkpoint=sha256_file(path), checkpoint_stamp=stamp(path))
