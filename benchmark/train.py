"""Training one run: a plain loop that can be killed at any moment and goes on where it was.

All randomness of a step (crops, dropout) is a function of (seed, step), so a resumed training
sees what the undisturbed one would have seen, to the bit on one machine.
"""

import csv
import hashlib
import io
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from defocus.baselines.backbone import all_required
from defocus.baselines.objectives.objective import Batch, Objective, Progress
from defocus.baselines.recipe import Recipe
from defocus.benchmark.checkpoint import (
    Checkpoint,
    load_checkpoint,
    restore,
    save_checkpoint,
    snapshot,
)
from defocus.benchmark.optimisers import (
    Optimisers,
    TrainingError,
    make_optimisers,
    optimiser_step,
)
from defocus.benchmark.plan import Run
from defocus.benchmark.run_folder import CHECKPOINT, CURVE, set_aside
from defocus.benchmark.weights.store import build_with, find_weights
from defocus.errors import WeightsError
from defocus.files import write_text
from defocus.progress import say, track

__all__ = [
    "Patches",
    "Trained",
    "TrainingError",
    "best_device",
    "load_trained",
    "train",
]

CHECKPOINT_SECONDS = 60.0
LOGGED_ROWS = 1000
"""``train.csv`` has about this many rows, however long the training."""


class Patches(Protocol):
    """Where batches come from; see :func:`defocus.datasets.patches.training_patches`."""

    def batch(self, step: int, size: int, seed: int, crop_px: int | None = None) -> Batch:
        """The batch of one step; the same for the same arguments.

        ``crop_px`` is the side of the crops where they are smaller than the largest ones.
        """
        ...


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        network: In the state of the last step.
        seconds: Time that the steps took, those of earlier processes included.
    """

    network: nn.Module
    seconds: float


@dataclass
class _Training:
    """What changes from step to step, and what the steps need."""

    run: Run
    recipe: Recipe
    steps: int
    network: nn.Module
    objective: Objective
    optimisers: Optimisers
    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, str]] = field(default_factory=list)


def best_device() -> torch.device:
    """The first CUDA device, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    run: Run,
    make_objective: Callable[[], Objective],
    patches: Patches,
    folder: Path,
    device: torch.device,
    *,
    epoch_crops: int = 1,
) -> Trained:
    """Train a run until its last step, from the checkpoint in ``folder`` where there is one.

    A damaged checkpoint is named on stderr, set aside, and the training starts anew.

    Args:
        run: A run with a recipe.
        make_objective: Makes the objective of the recipe.
        patches: Where batches come from.
        folder: Gets ``train.csv`` and ``checkpoint.safetensors``, every minute and at the end.
        device: Where to train.
        epoch_crops: How many crops make an epoch, where the schedule counts epochs, not steps.

    Raises:
        TrainingError: The loss is not finite.
        InputError: The schedule starts from weights that were not added.
        StorageError: The disk is full or the folder is not writable.
    """
    training = _prepare(run, make_objective, epoch_crops, device)
    _resume(training, folder)
    if training.step < training.steps:
        _train_on(training, patches, folder, device)
    return Trained(training.network, training.seconds)


def load_trained(run: Run, folder: Path) -> Trained:
    """The network of a finished training.

    Raises:
        WeightsError: The checkpoint is damaged, of another run, or not of the last step.
    """
    path = folder / CHECKPOINT
    checkpoint = load_checkpoint(path, run.id)
    if checkpoint.step != checkpoint.steps:
        raise WeightsError(f"{path}: step {checkpoint.step} of {checkpoint.steps}; train it first")
    network = run.baseline.build()
    restore(checkpoint, network)
    rows = _read_curve(folder / CURVE, checkpoint.step)
    return Trained(network, float(rows[-1]["seconds"]) if rows else 0.0)


def _train_on(training: _Training, patches: Patches, folder: Path, device: torch.device) -> None:
    """Do the steps that are left, and save every minute and at the end."""
    saved = time.monotonic()
    started = saved - training.seconds
    every = max(1, training.steps // LOGGED_ROWS)
    for step in track(range(training.step, training.steps), training.run.id):
        row = _train_step(training, patches, step, device)
        training.step, training.seconds = step + 1, time.monotonic() - started
        if step % every == 0 or training.step == training.steps:
            training.rows.append(row | {"seconds": f"{training.seconds:.3f}"})
        if time.monotonic() - saved >= CHECKPOINT_SECONDS:
            _save(training, folder)
            _say_progress(training, row["loss"])
            saved = time.monotonic()
    _save(training, folder)


def _prepare(
    run: Run, make_objective: Callable[[], Objective], epoch_crops: int, device: torch.device
) -> _Training:
    recipe, schedule = run.recipe, run.schedule
    if recipe is None:
        raise ValueError(f"{run.system} has no recipe")
    _seed_torch(run.seed, "weights")
    network = _started(run).to(device).train()
    with all_required() if run.reported_budget == "paper" else nullcontext():
        objective = make_objective().to(device).train()
    steps = schedule.steps or recipe.epochs * math.ceil(epoch_crops / schedule.batch)
    optimisers = make_optimisers(recipe, network, objective)
    return _Training(run, recipe, steps, network, objective, optimisers)


def _started(run: Run) -> nn.Module:
    """The network with fresh weights, or with those that the schedule starts from."""
    if run.schedule.start is None:
        return run.baseline.build()
    return build_with(run.baseline, find_weights(run.baseline, run.schedule.start))


def _seed_torch(seed: int, purpose: str) -> None:
    """Seed from a hash, so that neighbouring steps and seeds share no random numbers."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def _train_step(
    training: _Training, patches: Patches, step: int, device: torch.device
) -> dict[str, str]:
    """One optimiser step; gives the line of ``train.csv`` without its seconds."""
    recipe, run = training.recipe, training.run
    epoch = step / training.steps * recipe.epochs
    rate = recipe.learning_rate(run.budget, epoch)
    crop_px, size = run.schedule.size_at(epoch)
    batch = patches.batch(step, size, run.seed, crop_px).to(device)
    _seed_torch(run.seed, f"step {step}")
    values = optimiser_step(
        recipe,
        training.optimisers,
        training.network,
        training.objective,
        batch,
        Progress(step, epoch, recipe.warmup_epochs),
        rate,
    )
    row = {"step": str(step + 1), "epoch": f"{epoch:.4f}", "learning_rate": f"{rate:.3g}"}
    return row | {name: f"{value:.6g}" for name, value in values.items()}


def _say_progress(training: _Training, loss: str) -> None:
    left = training.seconds / training.step * (training.steps - training.step)
    say(
        f"{training.run.id}: step {training.step} of {training.steps}, loss {loss}, "
        f"{left / 60:.1f} min left"
    )


def _save(training: _Training, folder: Path) -> None:
    """Write the curve, then the checkpoint: a resumed run drops lines beyond its step."""
    write_text(folder / CURVE, _curve_text(training.rows))
    done = training.step == training.steps
    optimisers = {} if done else training.optimisers.by_name()
    tensors = snapshot(training.network, training.objective, optimisers)
    checkpoint = Checkpoint(training.run.id, training.step, training.steps, tensors)
    save_checkpoint(folder / CHECKPOINT, checkpoint)


def _curve_text(rows: list[dict[str, str]]) -> str:
    """CSV with the fixed columns first; parts that only some lines have stay empty elsewhere."""
    columns = ["step", "epoch", "seconds", "learning_rate", "loss"]
    columns += [name for name in dict.fromkeys(chain(*rows)) if name not in columns]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _resume(training: _Training, folder: Path) -> None:
    path = folder / CHECKPOINT
    if not path.exists():
        return
    try:
        checkpoint = load_checkpoint(path, training.run.id)
        if checkpoint.steps != training.steps:
            raise WeightsError(f"{checkpoint.steps} steps, not {training.steps}")
        done = checkpoint.step == checkpoint.steps
        optimisers = {} if done else training.optimisers.by_name()
        restore(checkpoint, training.network, training.objective, optimisers)
    except WeightsError as error:
        set_aside(path, str(error).removeprefix(f"{path}: "))
        return
    training.step = checkpoint.step
    training.rows = _read_curve(folder / CURVE, checkpoint.step)
    training.seconds = float(training.rows[-1]["seconds"]) if training.rows else 0.0
    if not done:
        say(f"{training.run.id}: goes on at step {training.step} of {training.steps}")


def _read_curve(path: Path, last_step: int) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(handle)]
    return [row for row in rows if int(row["step"]) <= last_step]
