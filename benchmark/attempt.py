"""One run of a study: train it, evaluate it, store what it came to."""

import hashlib
import shlex
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.benchmark.freed_memory import keep_freed_memory
from defocus.benchmark.metrics.registry import profile_metrics
from defocus.benchmark.plan import Run
from defocus.benchmark.profiles import DEFAULT
from defocus.benchmark.provenance import code_version, library_versions, machine
from defocus.benchmark.results import COSTS, Cost, Entry, Results, Score
from defocus.benchmark.run_folder import (
    CHECKPOINT,
    FAILURE,
    run_folder,
    stamp,
    training_finished,
)
from defocus.benchmark.weights.seen import seen_reason
from defocus.benchmark.weights.store import build_with
from defocus.datasets.pair import Dataset, Split
from defocus.errors import (
    STORAGE_ERRNOS,
    DatasetError,
    DefocusError,
    ImageError,
    InputError,
    InterruptedWorkError,
    NotApplicableError,
    StorageError,
)
from defocus.files import make_folder, sha256_file, write_json, write_text
from defocus.progress import say
from defocus.settings import parse_settings

if TYPE_CHECKING:  # a finished study imports no torch
    from defocus.align.flow import FlowEstimator
    from defocus.baselines.training import Training
    from defocus.benchmark.train import Trained
    from defocus.benchmark.watching import Watch

__all__ = [
    "CRASHES",
    "ESTIMATOR",
    "Study",
    "evaluation_version",
    "load_run",
    "record_run",
    "require_test_pairs",
    "train_alone",
    "train_run",
]

ESTIMATOR = "dis"
"""Flow estimator behind the targets that are registered or warped."""

CRASHES = (
    DefocusError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a faulty system raises (its weights file may be missing, its module may not import): its
run fails and the study goes on. A full disk and the person's Ctrl-C end the study."""

_OURS = (StorageError, DatasetError, ImageError, InterruptedWorkError)
"""What no system is to blame for: the study stops."""


@dataclass(frozen=True)
class Study:
    """What is asked for.

    Attributes:
        out: Folder of the study.
        dataset: To train on and to evaluate on.
        runs: What to train and evaluate.
        options: Of the command line that asked for it, ``--out`` left out.
        home: The study whose trainings are evaluated here, run by run in the same order; None where
            the runs train themselves.
    """

    out: Path
    dataset: Dataset
    runs: Sequence[Run]
    options: Sequence[str] = ()
    home: "Study | None" = None

    def command(self, *words: str) -> str:
        """A ``defocus-bench`` command about this study, quoted for a shell."""
        return shlex.join(["defocus-bench", *words, "--out", str(self.out), *self.options])

    def trained(self, run: Run) -> "tuple[Study, Run]":
        """The study and the run of it that trains the network of one of these runs."""
        if self.home is None:
            return self, run
        return self.home, self.home.runs[self.runs.index(run)]

    def only_seed(self, seed: int) -> "Study":
        """The same with the runs of one seed alone."""
        return replace(self, runs=[run for run in self.runs if run.seed == seed])


def require_test_pairs(dataset: Dataset) -> None:
    """Refuse a dataset on which nothing can be evaluated.

    Raises:
        DatasetError: It has no test pairs.
    """
    if not dataset.split("test"):
        raise DatasetError(f"{dataset.root}: dataset {dataset.name} has no test pairs")


def evaluation_version(study: Study) -> str:
    """Hash of what decides a score beside the run: code of metrics and protocols, data, choices."""
    modules = {metric.compute.__module__ for metric in profile_metrics(DEFAULT.name).values()}
    code = code_version({"defocus.benchmark.evaluate", *modules})
    parts = [
        code,
        study.dataset.content_hash,
        ESTIMATOR,
        repr(DEFAULT),
        *profile_metrics(DEFAULT.name),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def train_run(study: Study, run: Run) -> "Trained":
    """The trained network of a run, trained now as far as it is not.

    Raises:
        NotApplicableError: The system cannot train or restore on this dataset.
        InputError: It is to be trained by another study, which has not done so.
    """
    from defocus.baselines.registry import objective
    from defocus.benchmark.evaluate import check_inputs, further_inputs
    from defocus.benchmark.train import best_device, train
    from defocus.datasets.patches import training_patches

    keep_freed_memory()
    check_inputs(run.baseline.card, study.dataset.pairs)
    if run.recipe is None:
        return load_run(study, run)
    if study.home is not None:
        home, trained = study.trained(run)
        check_inputs(run.baseline.card, home.dataset.pairs)
        if not training_finished(run_folder(home.out, trained.id)):
            raise InputError(
                f"{trained.id}, which was to be trained on {home.dataset.name}, is not"
            )
        return load_run(home, trained)
    recipe = run.recipe
    crop_px = run.schedule.crop_px
    patches = training_patches(
        study.dataset,
        "train",
        recipe.target,
        run.schedule.largest_crop_px,
        ESTIMATOR,
        augment=recipe.augment,
        bit_depth=recipe.bit_depth,
        dual=run.baseline.card.input == "dual",
        needs=further_inputs(run.baseline.card),
        supervision=recipe.supervision,
    )
    # An epoch shows as many pixels as the training pictures have.
    pixels = sum(height * width for height, width in patches.store.sizes)
    return train(
        run,
        lambda: objective(recipe.objective, **recipe.objective_settings),
        patches,
        make_folder(run_folder(study.out, run.id)),
        best_device(),
        epoch_crops=max(1, pixels // crop_px**2),
        watches=_watches(study, run, recipe.training),
    )


def _watches(study: Study, run: Run, training: "Training") -> dict[str, "Watch"]:
    """Scores that are taken in the course of a training.

    Raises:
        NotApplicableError: Validation is asked for, and there are no pairs for it.
    """
    if not training.times:
        return {}
    from defocus.align.flow import flow_estimator
    from defocus.benchmark.train import best_device
    from defocus.benchmark.validation import watch_split

    splits: list[Split] = ["validation"] if study.dataset.split("validation") else []
    if training.select == "official":
        splits.append("test")
    elif not splits:
        raise NotApplicableError(
            "[training] asks for validation, and the dataset has no such split; make one with "
            "'defocus-data split'"
        )
    estimator, device = flow_estimator(ESTIMATOR), best_device()
    card = run.baseline.card
    return {one: watch_split(card, study.dataset, one, estimator, device) for one in splits}


def train_alone(study: Study, run: Run) -> "Trained":
    """Train a run outside of a study that goes on.

    Raises:
        NotApplicableError: The system cannot train on this dataset.
        DefocusError: The training went wrong, in one line.
    """
    try:
        return train_run(study, run)
    except DefocusError:
        raise
    except CRASHES as error:
        folder = run_folder(study.out, run.id)
        reason = _told(error, folder)
        raise DefocusError(f"{run.id} failed: {reason}; see {folder / FAILURE}") from error


def load_run(study: Study, run: Run) -> "Trained":
    """The network of a finished training, or of a system without one."""
    from defocus.benchmark.train import Trained, load_trained

    if run.weights is not None:
        return Trained(build_with(run.baseline, run.weights), 0.0)
    if run.recipe is None:
        return Trained(run.baseline.build(), 0.0)
    return load_trained(run, run_folder(study.out, run.id))


def record_run(
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
    except CRASHES as error:
        status = f"failed: {_told(error, folder)}"
    else:
        (folder / FAILURE).unlink(missing_ok=True)
        results.record(_with_checkpoint(entry, folder), scores, costs)
        return
    say(f"{run.id}: {status}")
    reason = status.partition(": ")[2]
    results.record(replace(entry, status=status), _no_scores(reason), _no_costs(reason))


def _told(error: Exception, folder: Path) -> str:
    """An error as one line; its traceback goes into the run's folder.

    Raises:
        OSError: The error itself, where it means that the disk takes no more.
    """
    if isinstance(error, OSError) and error.errno in STORAGE_ERRNOS:
        raise error
    write_text(folder / FAILURE, "".join(traceback.format_exception(error)))
    return _one_line(error)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, DefocusError) else f"{type(error).__name__}: {text}"


def _no_scores(reason: str) -> list[Score]:
    """What stands in the store for a run without scores, so that tables have its lines."""
    from defocus.benchmark.protocols import PROTOCOLS

    return [
        Score(DEFAULT.name, protocol.name, metric, "", "", None, flow, reason)
        for protocol in PROTOCOLS.values()
        for flow in [ESTIMATOR if protocol.uses_flow else ""]
        for metric in profile_metrics(DEFAULT.name)
    ]


def _no_costs(reason: str) -> list[Cost]:
    return [Cost(name, None, reason) for name in COSTS]


def _evaluate(
    study: Study, run: Run, trained: "Trained", folder: Path
) -> tuple[list[Score], list[Cost]]:
    from defocus.align.flow import flow_estimator
    from defocus.benchmark.evaluate import evaluate
    from defocus.benchmark.train import best_device

    keep_freed_memory()
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
        independent=_independent(run),
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


def _independent(run: Run) -> "FlowEstimator | None":
    """Another flow estimator for a system that the one of the protocols has trained."""
    if run.recipe is None or run.recipe.objective != "jdrl":
        return None
    from defocus.align.estimators import ESTIMATORS
    from defocus.align.flow import flow_estimator
    from defocus.baselines.objectives.jdrl.settings import JDRLSettings

    settings = parse_settings(JDRLSettings, run.recipe.objective_settings, origin=run.system)
    if settings.estimator != ESTIMATOR:
        return None
    return flow_estimator(next(name for name in ESTIMATORS if name != ESTIMATOR))


def _entry(study: Study, run: Run, evaluation: str) -> Entry:
    card = run.baseline.card
    trained_on, origin = "", "none"
    if run.recipe is not None:
        trained_on, origin = study.trained(run)[0].dataset.name, "trained"
    elif run.weights is not None:
        trained_on, origin = "+".join(run.weights.trained_on) or "unknown", run.weights.origin
    return Entry(
        run=run.id,
        grouping=run.group,
        evaluation=evaluation,
        system=run.system,
        input=card.given,
        weights=origin,
        reconstruction=int(card.status == "reconstruction"),
        train_dataset=trained_on,
        dataset=study.dataset.name,
        data_hash=study.dataset.content_hash,
        split="test",
        budget=run.reported_budget,
        seed=run.seed,
        status=_status(study, run),
    )


def _status(study: Study, run: Run) -> str:
    """Of a run that went well: test scenes that may have been trained on are marked."""
    reason = seen_reason(run.weights, study.dataset) if run.weights is not None else ""
    return f"seen: {reason}" if reason else "ok"


def _with_checkpoint(entry: Entry, folder: Path) -> Entry:
    path = folder / CHECKPOINT
    if entry.weights == "none" or not path.exists():  # added weights lie in the cache
        return entry
    return replace(entry, checkpoint=sha256_file(path), checkpoint_stamp=stamp(path))
