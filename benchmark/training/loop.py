"""Training loop of one run; it can be killed at any moment and continues from its checkpoint.

All randomness of a step (crops, dropout) is a function of (seed, step), so a resumed training is
identical to an uninterrupted one, to the bit on one machine.
"""

import contextlib
import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.recipes.recipe import Recipe
from defocus.baselines.weights.backbones import all_required
from defocus.benchmark.cost.memory_check import probe_memory
from defocus.benchmark.results.provenance import trained_by
from defocus.benchmark.results.run_folder import CHECKPOINT, CURVE, set_aside
from defocus.benchmark.study.plan import Run
from defocus.benchmark.training.averaging import evaluated, make_average, update
from defocus.benchmark.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    restore,
    save_checkpoint,
    snapshot,
)
from defocus.benchmark.training.loss_curve import Clock, curve_text, read_curve
from defocus.benchmark.training.network_and_objective import mean_over_processes
from defocus.benchmark.training.optimisers import Optimisers, make_optimisers, optimiser_step
from defocus.benchmark.training.parallel import Ranks, part_of, processes, ranks, together
from defocus.benchmark.training.stopping import stop_asked
from defocus.benchmark.training.watching.tensorboard import Tracker, open_tracker
from defocus.benchmark.training.watching.watch import BEST, Watch, Watching, report_selection
from defocus.benchmark.weights.store import build_with, find_weights
from defocus.errors import InterruptedWorkError, TrainingError, WeightsError
from defocus.files import write_text
from defocus.progress import say, track

__all__ = [
    "BatchSource",
    "Trained",
    "TrainingError",
    "best_device",
    "load_trained",
    "train",
]

MINUTE_SECONDS = 60.0
LOGGED_ROWS = 1000
"""``train.csv`` has about this many rows, however long the training."""


class BatchSource(Protocol):
    """Source of batches; see :func:`defocus.datasets.patching.source.training_patches`."""

    def batch(self, step: int, size: int, seed: int, crop_px: int | None = None) -> Batch:
        """The batch of one step, determined by the arguments.

        ``crop_px`` is the side of the crops if they are smaller than the largest ones.
        """
        ...


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        network: The network after the last step.
        seconds: Time of all steps, including those of earlier processes.
    """

    network: nn.Module
    seconds: float


@dataclass
class _Training:
    """State of a training and what its steps need."""

    run: Run
    recipe: Recipe
    steps: int
    network: nn.Module
    objective: Objective
    optimisers: Optimisers
    watching: Watching
    average: AveragedModel | None
    mine: Ranks
    joint: nn.Module | None
    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, str]] = field(default_factory=list)
    code: str = field(default_factory=trained_by)

    @property
    def done(self) -> bool:
        """Whether the last step is done."""
        return self.step == self.steps

    def state(self, *, done: bool) -> tuple[dict[str, nn.Module], dict[str, Optimizer]]:
        """Tensors for a checkpoint; at the end, the network is the evaluated one."""
        modules: dict[str, nn.Module] = {"network": self.network, "objective": self.objective}
        if done:
            return modules, {}
        return modules | ({"average": self.average} if self.average else {}), (
            self.optimisers.by_name()
        )


def best_device() -> torch.device:
    """The first CUDA device (each of several processes has its own), else the CPU."""
    return torch.device("cuda", ranks().local) if torch.cuda.is_available() else torch.device("cpu")


def train(
    run: Run,
    make_objective: Callable[[], Objective],
    patches: BatchSource,
    folder: Path,
    device: torch.device,
    *,
    epoch_crops: int = 1,
    watches: Mapping[str, Watch] = MappingProxyType({}),
) -> Trained:
    """Train a run until its last step, from the checkpoint in ``folder`` if there is one.

    A damaged checkpoint is reported on stderr and renamed, and the training starts over. Under
    ``torchrun`` the processes share each batch, and the first one writes.

    Args:
        run: A run with a recipe.
        make_objective: Makes the objective of the recipe.
        patches: Source of batches.
        folder: Folder for ``train.csv``, ``validation.csv`` and ``checkpoint.safetensors``, written
            every few minutes and at the end.
        device: The device to train on.
        epoch_crops: Number of crops per epoch, if the schedule counts epochs instead of steps.
        watches: Validation scores to compute during the training, by split.

    Raises:
        TrainingError: The loss is not finite, or a step needs more memory than there is.
        InputError: The schedule starts from weights that were not added, or the batch cannot be
            divided among the processes.
        InterruptedWorkError: The process received a stop signal; its state is saved.
        StorageError: The disk is full or the folder is not writable.
    """
    with processes(device) as mine, _reproducible(run):
        training = _prepare(run, make_objective, epoch_crops, device, watches, mine)
        _resume(training, folder)
        if not training.done:
            probe_memory(run, training.network, training.objective, device, mine.world)
            training.joint = together(training.network, training.objective, mine, device)
            _train_on(training, patches, folder, device)
        if mine.first:
            report_selection(training.watching.rows, run.id, folder)
    return Trained(training.network, training.seconds)


@contextlib.contextmanager
def _reproducible(run: Run) -> Iterator[None]:
    """Refuse non-deterministic operations if the recipe requires it."""
    wanted = run.recipe is not None and run.recipe.training.deterministic
    before = torch.are_deterministic_algorithms_enabled()
    # without it cuBLAS gives other sums each time; it is read when the first matrix is multiplied
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(wanted or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def load_trained(run: Run, folder: Path) -> Trained:
    """The network of a finished training.

    Raises:
        WeightsError: The checkpoint is damaged, belongs to another run, or is not from the last
            step.
    """
    path = folder / CHECKPOINT
    checkpoint = load_checkpoint(path, run.id)
    if checkpoint.step != checkpoint.steps:
        raise WeightsError(f"{path}: step {checkpoint.step} of {checkpoint.steps}; train it first")
    network = run.baseline.build()
    restore(checkpoint, {"network": network})
    rows = read_curve(folder / CURVE, checkpoint.step)
    return Trained(network, float(rows[-1]["seconds"]) if rows else 0.0)


def _train_on(
    training: _Training, patches: BatchSource, folder: Path, device: torch.device
) -> None:
    """Do the remaining steps; validate and save in between and at the end."""
    settings = training.recipe.training
    saved = time.monotonic()
    clock = Clock(training.rows)
    every = max(1, training.steps // LOGGED_ROWS)
    told = False
    with stop_asked() as stop, _tracker(training, folder) as tracker:
        for step in track(range(training.step, training.steps), training.run.id):
            row = _train_step(training, patches, step, device)
            training.step, training.seconds = step + 1, clock.seconds
            if step % every == 0 or training.done:
                training.rows.append(row | clock.columns())
                tracker.loss(training.step, row)
            _look(training, folder, tracker)
            told = any(mean_over_processes([float(bool(stop))]))
            if training.done:
                break  # saved below, as what is evaluated
            if told:
                _save(training, folder)
                break
            if time.monotonic() - saved >= settings.checkpoint_minutes * MINUTE_SECONDS:
                _save(training, folder)
                _say_progress(training, row["loss"])
                saved = time.monotonic()
    if training.done:
        _finish(training, folder)
        _save(training, folder)
    if told:
        raise InterruptedWorkError(
            f"{training.run.id}: stopped and saved at step {training.step} of {training.steps}; "
            "run the same command again to continue"
        )


def _tracker(training: _Training, folder: Path) -> contextlib.AbstractContextManager[Tracker]:
    wanted = training.recipe.training.tensorboard and training.mine.first
    return open_tracker(folder if wanted else None, training.step)


def _look(training: _Training, folder: Path, tracker: Tracker) -> None:
    """Validate the network that would be evaluated if the training ended here; keep the best."""
    watching, step = training.watching, training.step
    if not training.mine.first or not watching.due(step, training.steps):
        return
    network = evaluated(training.average, training.network)
    best = watching.look(network, step)
    tracker.scores(step, watching.rows[-1])
    watching.say_gain(f"{training.run.id}: step {step} of {training.steps}")
    if best and training.recipe.training.select == "validation":
        tensors = snapshot({"network": network}, {})
        checkpoint = Checkpoint(training.run.id, step, training.steps, tensors, training.code)
        save_checkpoint(folder / BEST, checkpoint)
        if not training.done:
            _save(training, folder)  # so that the file and the scores are of one training


def _finish(training: _Training, folder: Path) -> None:
    """Replace the network by the evaluated one: its running mean, or its best state."""
    mean = evaluated(training.average, training.network)
    training.network.load_state_dict(mean.state_dict())
    if training.recipe.training.select == "validation" and training.mine.first:
        best = load_checkpoint(folder / BEST, training.run.id)
        if best.step != training.watching.best_step:
            raise TrainingError(
                f"{folder / BEST} is of step {best.step}, the best validation of step "
                f"{training.watching.best_step}; remove {folder} and train again"
            )
        restore(best, {"network": training.network})


def _prepare(
    run: Run,
    make_objective: Callable[[], Objective],
    epoch_crops: int,
    device: torch.device,
    watches: Mapping[str, Watch],
    mine: Ranks,
) -> _Training:
    recipe, schedule = run.recipe, run.schedule
    if recipe is None:
        raise ValueError(f"{run.system} has no recipe")
    _seed_torch(run.seed, "weights")
    network = _started(run).to(device).train()
    if recipe.training.channels_last:
        network = network.to(memory_format=torch.channels_last)
    with all_required() if run.reported_budget == "paper" else nullcontext():
        objective = make_objective().to(device).train()
    steps = schedule.steps or recipe.epochs * math.ceil(epoch_crops / schedule.batch)
    optimisers = make_optimisers(recipe, network, objective)
    average = make_average(recipe, network)
    watching = Watching(recipe.training, watches)
    return _Training(
        run, recipe, steps, network, objective, optimisers, watching, average, mine, None
    )


def _started(run: Run) -> nn.Module:
    """Make the network with fresh weights, or with those that the schedule starts from."""
    if run.schedule.start is None:
        return run.baseline.build()
    return build_with(run.baseline, find_weights(run.baseline, run.schedule.start))


def _seed_torch(seed: int, purpose: str) -> None:
    """Seed torch from a hash, so that neighbouring steps and seeds share no random numbers."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def _train_step(
    training: _Training, patches: BatchSource, step: int, device: torch.device
) -> dict[str, str]:
    """Do one optimiser step; return the line of ``train.csv`` without its seconds."""
    recipe, run = training.recipe, training.run
    epoch = step / training.steps * recipe.epochs
    rate = recipe.learning_rate(run.budget, epoch)
    crop_px, size = run.schedule.size_at(epoch)
    batch = part_of(patches.batch(step, size, run.seed, crop_px), training.mine).to(device)
    if recipe.training.channels_last:
        batch = batch.each(lambda t: t.contiguous(memory_format=torch.channels_last))
    rank = f" of process {training.mine.rank}" if training.mine.rank else ""
    _seed_torch(run.seed, f"step {step}{rank}")
    values = optimiser_step(
        recipe,
        training.optimisers,
        training.network,
        training.objective,
        batch,
        Progress(step, epoch, recipe.warmup_epochs),
        rate,
        joint=training.joint,
    )
    update(training.average, recipe, training.network, epoch)
    row = {"step": str(step + 1), "epoch": f"{epoch:.4f}", "learning_rate": f"{rate:.3g}"}
    return row | {name: f"{value:.6g}" for name, value in values.items()}


def _say_progress(training: _Training, loss: str) -> None:
    left = training.seconds / training.step * (training.steps - training.step)
    say(
        f"{training.run.id}: step {training.step} of {training.steps}, loss {loss}, "
        f"{left / 60:.1f} min left"
    )


def _save(training: _Training, folder: Path) -> None:
    """Write the curves, then the checkpoint; a resumed run drops lines after its step."""
    if not training.mine.first:
        return
    write_text(folder / CURVE, curve_text(training.rows))
    training.watching.write(folder)
    tensors = snapshot(*training.state(done=training.done))
    run, step, steps = training.run.id, training.step, training.steps
    checkpoint = Checkpoint(run, step, steps, tensors, training.code)
    save_checkpoint(folder / CHECKPOINT, checkpoint)
    if training.done:
        (folder / BEST).unlink(missing_ok=True)


def _resume(training: _Training, folder: Path) -> None:
    path = folder / CHECKPOINT
    if path.exists():
        try:
            _take_up(training, path)
        except WeightsError as error:
            if training.mine.first:
                set_aside(path, str(error).removeprefix(f"{path}: "))
    (step,) = mean_over_processes([float(training.step)])
    if step != training.step:
        raise TrainingError(f"{path}: processes read different contents; start again")
    training.rows = read_curve(folder / CURVE, training.step) if training.step else []
    training.watching.read(folder, training.step)
    training.seconds = float(training.rows[-1]["seconds"]) if training.rows else 0.0
    if 0 < training.step < training.steps and training.mine.first:
        begun = "" if training.code == trained_by() else f", trained by {training.code}"
        say(f"{training.run.id}: goes on at step {training.step} of {training.steps}{begun}")


def _take_up(training: _Training, path: Path) -> None:
    """Load the state of an earlier process.

    Raises:
        WeightsError: The file is damaged or belongs to another training.
    """
    checkpoint = load_checkpoint(path, training.run.id)
    if checkpoint.steps != training.steps:
        raise WeightsError(f"{checkpoint.steps} steps, not {training.steps}")
    restore(checkpoint, *training.state(done=checkpoint.step == checkpoint.steps))
    training.step = checkpoint.step
    training.code = checkpoint.code if training.done else trained_by(checkpoint.code)
