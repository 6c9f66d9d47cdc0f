"""Training one run: a plain loop that can be killed at any moment and goes on where it was.

All randomness of a step (crops, dropout) is a function of (seed, step), so a resumed training
sees what the undisturbed one would have seen, to the bit on one machine.
"""

import csv
import hashlib
import io
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from defocus.baselines.objectives.objective import Batch, Objective, Progress
from defocus.baselines.recipe import Recipe, Schedule
from defocus.benchmark.checkpoint import (
    Checkpoint,
    load_checkpoint,
    restore,
    save_checkpoint,
    snapshot,
)
from defocus.benchmark.plan import Run
from defocus.benchmark.run_folder import CHECKPOINT, CURVE, set_aside
from defocus.errors import DefocusError, WeightsError
from defocus.files import write_text
from defocus.progress import say, track

__all__ = [
    "Patches",
    "Trained",
    "TrainingError",
    "best_device",
    "learning_rate",
    "load_trained",
    "train",
]

CHECKPOINT_SECONDS = 60.0
LOGGED_ROWS = 1000
"""``train.csv`` has about this many rows, however long the training."""


class TrainingError(DefocusError):
    """A training went wrong; the message is the reason."""


class Patches(Protocol):
    """Where batches come from; see :func:`defocus.datasets.patches.training_patches`."""

    def batch(self, step: int, size: int, seed: int) -> Batch:
        """The batch of one step; the same for the same arguments."""
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
    optimiser: torch.optim.Adam
    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, str]] = field(default_factory=list)


def best_device() -> torch.device:
    """The first CUDA device, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def learning_rate(recipe: Recipe, schedule: Schedule, epoch: float) -> float:
    """Adam's learning rate at an epoch of the recipe's scale: halved every so many epochs."""
    if recipe.halve_every_epochs is None:
        return schedule.learning_rate
    return schedule.learning_rate * 0.5 ** math.floor(epoch / recipe.halve_every_epochs)


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
    network = run.baseline.build().to(device).train()
    objective = make_objective().to(device).train()
    steps = schedule.steps or recipe.epochs * math.ceil(epoch_crops / schedule.batch)
    return _Training(run, recipe, steps, network, objective, _adam(network, objective, schedule))


def _adam(network: nn.Module, objective: nn.Module, schedule: Schedule) -> torch.optim.Adam:
    parameters: Iterable[nn.Parameter] = chain(network.parameters(), objective.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    # Fused: the plain one takes a third of a step of a large network on a CPU.
    return torch.optim.Adam(trained, lr=schedule.learning_rate, fused=True)


def _seed_torch(seed: int, purpose: str) -> None:
    """Seed from a hash, so that neighbouring steps and seeds share no random numbers."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def _train_step(
    training: _Training, patches: Patches, step: int, device: torch.device
) -> dict[str, str]:
    """One optimiser step; gives the line of ``train.csv`` without its seconds."""
    recipe, schedule = training.recipe, training.run.schedule
    epoch = step / training.steps * recipe.epochs
    rate = learning_rate(recipe, schedule, epoch)
    for group in training.optimiser.param_groups:
        group["lr"] = rate
    batch = patches.batch(step, schedule.batch, training.run.seed)
    batch = Batch(batch.blurry.to(device), batch.target.to(device))
    _seed_torch(training.run.seed, f"step {step}")
    progress = Progress(step, epoch, recipe.warmup_epochs)
    loss, parts = training.objective(training.network, batch, progress)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(f"loss is {value} at step {step}")
    training.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    training.optimiser.step()
    row = {"step": str(step + 1), "epoch": f"{epoch:.4f}", "learning_rate": f"{rate:.3g}"}
    return row | {"loss": f"{value:.6g}"} | {name: f"{part:.6g}" for name, part in parts.items()}


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
    optimiser = None if done else training.optimiser
    tensors = snapshot(training.network, training.objective, optimiser)
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
        optimiser = None if done else training.optimiser
        restore(checkpoint, training.network, training.objective, optimiser)
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
