"""Training loop; it can be killed at any moment and continues from its checkpoint.

Randomness is a function of (seed, step): a resumed training is the same to the bit on one machine.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, cast

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from defocus.errors import InterruptedWorkError, TrainingError, WeightsError
from defocus.progress import describe, say, track
from defocus.storage.files import write_text
from defocus.training.devices import gpu_choices
from defocus.training.feeding import Feeder, MakerDiedError, feeding, makers
from defocus.training.method import Method, Training
from defocus.training.objective import BatchT, Progress, TrainingObjective
from defocus.training.parallel import Ranks, processes, together
from defocus.training.record.checkpoint import (
    Checkpoint,
    load_checkpoint,
    restore,
    save_checkpoint,
    snapshot,
    trained_by,
)
from defocus.training.record.curve_files import read_curve
from defocus.training.record.curves import Clock, Watching, curve_text
from defocus.training.record.folder import BEST, CHECKPOINT, CURVE, set_aside
from defocus.training.record.tensorboard import Tracker, open_tracker
from defocus.training.steps.averaging import evaluated, make_average, update
from defocus.training.steps.graphs import record
from defocus.training.steps.losses import Losses, mean_over_processes
from defocus.training.steps.optimisers import (
    Optimisers,
    make_optimisers,
    optimiser_step,
)
from defocus.training.stopping import StopAsked, stop_asked


@contextlib.contextmanager
def reproducible(settings: Training) -> Iterator[None]:
    """Refuse non-deterministic operations if the settings require it."""
    before = torch.are_deterministic_algorithms_enabled()
    # without it cuBLAS gives other sums each time; it is read when the first matrix is multiplied
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(settings.deterministic or before)
    try:
        with gpu_choices(settings):
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def seed_torch(seed: int, purpose: str) -> None:
    """Seed torch from a hash, so that neighbouring steps and seeds share no random numbers."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    number = int.from_bytes(digest[:8], "little") >> 1
    # torch.manual_seed asks all kinds of devices: 1 ms
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(number)


MINUTE_SECONDS = 60.0
LOGGED_ROWS = 1000
"""Approximate number of rows of ``train.csv``, for a training of any length."""

SAVING = "the state is saved after this step; Ctrl-C again ends at once"


@dataclass(frozen=True)
class Job(Generic[BatchT]):
    """Definition of a training; a checkpoint with another ``id`` is not continued."""

    # ``batches`` gets the first remaining step and a feeder, before the time of the steps begins.
    # ``check`` raises an error if the training cannot work here, before the first step; it changes
    # nothing.

    id: str
    seed: int
    method: Method
    learning_rate: float
    steps: int
    make_network: Callable[[], nn.Module]
    make_objective: Callable[[], TrainingObjective[BatchT]]
    batches: Callable[[int, Feeder], Iterator[BatchT]]
    code: str
    watching: Watching = field(default_factory=Watching)
    sample: Callable[[], BatchT] | None = None  # a batch shaped as those of most steps
    check: Callable[[nn.Module, TrainingObjective[BatchT], int], None] | None = None

    def rate(self, epoch: float) -> float:
        """The learning rate at an epoch of the method's scale."""
        return self.method.decay.rate(self.learning_rate, epoch, self.method.epochs)


@dataclass(frozen=True)
class Trained:
    """A finished training; ``seconds`` are those of all steps, in earlier processes too."""

    network: nn.Module
    seconds: float


@dataclass
class _Training(Generic[BatchT]):
    """State of a training and what its steps need."""

    job: Job[BatchT]
    network: nn.Module
    # the network, or what was compiled of it: it has the same weights
    called: nn.Module
    objective: TrainingObjective[BatchT]
    optimisers: Optimisers
    average: AveragedModel | None
    mine: Ranks
    losses: Losses = field(default_factory=Losses)
    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, str]] = field(default_factory=list)
    code: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the last step is done."""
        return self.step == self.job.steps

    @property
    def left(self) -> range:
        """The steps that are not done yet."""
        return range(self.step, self.job.steps)

    @property
    def where(self) -> str:
        """The progress, in words for people."""
        return f"step {self.step} of {self.job.steps}"

    def state(
        self, *, is_over: bool
    ) -> tuple[dict[str, nn.Module], dict[str, Optimizer]]:
        """Tensors for a checkpoint; at the end, the network is the evaluated one."""
        modules: dict[str, nn.Module] = {
            "network": self.network,
            "objective": self.objective,
        }
        if is_over:
            return modules, {}
        return modules | ({"average": self.average} if self.average else {}), (
            self.optimisers.by_name()
        )

    def checkpoint(self, tensors: dict[str, torch.Tensor]) -> Checkpoint:
        """A checkpoint of this step."""
        return Checkpoint(
            self.job.id,
            self.step,
            self.job.steps,
            tensors,
            self.code,
        )


def train(
    job: Job[BatchT],
    folder: Path,
    device: torch.device,
) -> Trained:
    """Train until the last step, from the checkpoint in ``folder`` if there is one."""
    # A damaged checkpoint is renamed, and the training starts over. Under ``torchrun`` the
    # processes share each batch, and the first one writes, every few minutes and after each
    # validation.
    with processes(device) as mine, reproducible(job.method.training):
        training = _prepare(job, device, mine)
        _resume(training, folder)
        if not training.is_over:
            if job.check is not None:
                job.check(training.network, training.objective, mine.world)
            if job.method.training.compile:
                training.called = cast("nn.Module", torch.compile(training.network))
            _record(training, device)
            joint = together(training.called, training.objective, mine, device)
            training.optimisers = replace(training.optimisers, joint=joint)
            _train_on(training, folder, device)
    return Trained(training.network, training.seconds)


def _prepare(
    job: Job[BatchT],
    device: torch.device,
    mine: Ranks,
) -> _Training[BatchT]:
    seed_torch(job.seed, "weights")
    network = job.make_network().to(device).train()
    if job.method.training.channels_last:
        network = network.to(memory_format=torch.channels_last)
    objective = job.make_objective().to(device).train()
    optimisers = make_optimisers(job.method, network, objective)
    average = make_average(job.method, network)
    return _Training(
        job,
        network,
        network,
        objective,
        optimisers,
        average,
        mine,
        code=job.code,
    )


def _record(training: _Training[BatchT], device: torch.device) -> None:
    """Let the network replay its passes on a GPU, if its settings ask for it."""
    # This comes before batches are made: copies to the GPU meanwhile would end a recording.
    job = training.job
    settings = training.job.method.training
    if settings.graphs and device.type == "cuda" and job.sample is not None:
        batch = _on_device(training, job.sample(), device)
        record(
            training.network,
            training.objective,
            batch,
            settings.precision,
        )


def _on_device(
    training: _Training[BatchT],
    batch: BatchT,
    device: torch.device,
) -> BatchT:
    batch = batch.to(device)
    if training.job.method.training.channels_last:
        batch = batch.each(_channels_last)
    return batch


def _train_on(
    training: _Training[BatchT],
    folder: Path,
    device: torch.device,
) -> None:
    """Do the remaining steps, and save the end of the training; then obey a stop signal."""
    with stop_asked(SAVING) as stop:
        stopped = _do_steps(training, folder, device, stop)
        if training.is_over:
            _finish(training, folder)
            _save(training, folder)
        if stopped or stop:
            raise InterruptedWorkError(
                f"{training.job.id}: stopped and saved at {training.where}; run the same command "
                "again to continue"
            )


def _do_steps(
    training: _Training[BatchT],
    folder: Path,
    device: torch.device,
    stop: StopAsked,
) -> bool:
    """Do the remaining steps; validate and save in between. Return whether it was stopped."""
    settings = training.job.method.training
    workers = makers(settings.workers, len(training.left), training.mine)
    tracked = folder if settings.tensorboard and training.mine.first else None
    with (
        feeding(workers, training.mine, device) as feeder,
        open_tracker(tracked, training.step) as tracker,
    ):
        feeder.stop = stop
        return _do_fed_steps(training, folder, feeder, tracker, stop)


def _do_fed_steps(
    training: _Training[BatchT],
    folder: Path,
    feeder: Feeder,
    tracker: Tracker,
    stop: StopAsked,
) -> bool:
    """Do the remaining steps with batches of a feeder."""
    job = training.job
    longest = job.method.training.checkpoint_minutes * MINUTE_SECONDS
    # what these prepare is not time of the steps
    batches = job.batches(training.step, feeder)
    saved = time.monotonic()
    clock = Clock(training.rows)
    for step in track(training.left, job.id, lines=False):
        batch = _next_batch(training, batches, stop)
        if batch is None:
            _save(training, folder)
            return True
        row = _train_step(training, batch, step, feeder.device)
        training.step = step + 1
        training.seconds = clock.seconds
        if step % max(1, job.steps // LOGGED_ROWS) == 0 or training.is_over:
            _log(training, row, tracker)
            training.rows[-1] |= clock.columns(feeder.cpu_seconds)
        validated = _validate(training, folder, tracker)
        late = time.monotonic() - saved >= longest
        asked = mean_over_processes([float(bool(stop)), float(late)])
        stopped, late = map(bool, asked)
        if training.is_over:
            return stopped  # its end is saved as what is evaluated
        if stopped or late or validated:
            _save_running(training, folder, tell=late and not stopped)
            saved = time.monotonic()
        if stopped:
            return True
    return False


def _save_running(
    training: _Training[BatchT],
    folder: Path,
    *,
    tell: bool,
) -> None:
    """Save a training that goes on; with ``tell``, print the minutes that are left."""
    loss = training.losses.read()["loss"]  # that it is finite, before it is saved
    _save(training, folder)
    if tell:
        minutes = training.seconds / training.step * len(training.left) / 60
        where = f"{training.job.id}: {training.where}"
        say(f"{where}, loss {loss:.6g}, {minutes:.1f} min left")


def _log(
    training: _Training[BatchT],
    row: dict[str, str],
    tracker: Tracker,
) -> None:
    """Add the losses since the last row to a line of ``train.csv``, and show them."""
    losses = training.losses.read()
    row |= {name: f"{loss:.6g}" for name, loss in losses.items()}
    training.rows.append(row)
    tracker.loss(training.step, row)
    describe(_described(training, row["loss"]))


def _next_batch(
    training: _Training[BatchT],
    batches: Iterator[BatchT],
    stop: StopAsked,
) -> BatchT | None:
    """The batch of the next step; None if a stop signal has ended the process that makes it."""
    try:
        return next(batches)
    except MakerDiedError as error:
        if stop:
            return None
        where = f"{training.job.id}: at step {training.step} of {training.job.steps}"
        raise InterruptedWorkError(f"{where}: {error}") from error


def _train_step(
    training: _Training[BatchT],
    batch: BatchT,
    step: int,
    device: torch.device,
) -> dict[str, str]:
    """Do one optimiser step; return the line of ``train.csv`` without losses and seconds."""
    job = training.job
    epoch = step / job.steps * job.method.epochs
    rate = job.rate(epoch)
    batch = _on_device(training, batch, device)
    rank = f" of process {training.mine.rank}" if training.mine.rank else ""
    seed_torch(job.seed, f"step {step}{rank}")
    values = optimiser_step(
        job.method,
        training.optimisers,
        training.called,
        training.objective,
        batch,
        Progress(step, epoch, job.method.warmup_epochs),
        rate,
    )
    training.losses.add(step, values)
    update(
        training.average,
        job.method,
        training.network,
        epoch,
    )
    return {
        "step": str(step + 1),
        "epoch": f"{epoch:.4f}",
        "learning_rate": f"{rate:.3g}",
    }


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that has channels, in that order of memory; other tensors as they are."""
    if tensor.ndim == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor


def _described(training: _Training[BatchT], loss: str) -> str:
    """Words next to the progress bar: the loss, and the last validation score."""
    words = f"{training.job.id}: loss {float(loss):.4f}"
    rows = training.job.watching.rows
    if not rows or "validation" not in rows[-1]:
        return words
    return f"{words}, validation {rows[-1]['validation']:.2f} dB"


def _validate(
    training: _Training[BatchT],
    folder: Path,
    tracker: Tracker,
) -> bool:
    """Validate the network of this step if due; keep the best. Return whether it was due."""
    # The state is to be saved then, so that it and the scores fit.
    watching = training.job.watching
    step = training.step
    if step not in watching.due:
        return False
    training.losses.read()  # what is not finite is not worth a score
    if not training.mine.first:
        return False
    network = evaluated(training.average, training.network)
    best = watching.look(network, step)
    row = watching.rows[-1]
    tracker.scores(step, row)
    scores = {name: value for name, value in row.items() if name != "step"}
    text = watching.described(scores)
    if text:
        say(f"{training.job.id}: {training.where}, {text}")
    if best and training.job.method.training.select == "validation":
        tensors = snapshot({"network": network}, {})
        save_checkpoint(folder / BEST, training.checkpoint(tensors))
    return True


def _finish(training: _Training[BatchT], folder: Path) -> None:
    """Replace the network by the evaluated one: its running mean, or its best state."""
    job = training.job
    mean = evaluated(training.average, training.network)
    training.network.load_state_dict(mean.state_dict())
    if job.method.training.select != "validation" or not training.mine.first:
        return
    best = load_checkpoint(folder / BEST, job.id)
    wanted_step = job.watching.best_step
    if best.step != wanted_step:
        raise TrainingError(
            f"{folder / BEST} is of step {best.step}, the best validation of step "
            f"{wanted_step}; remove {folder} and train again"
        )
    restore(best, {"network": training.network})


def _save(training: _Training[BatchT], folder: Path) -> None:
    """Write the curves, then the checkpoint; a resumed run drops lines after its step."""
    if not training.mine.first:
        return
    write_text(folder / CURVE, curve_text(training.rows))
    training.job.watching.write(folder)
    tensors = snapshot(*training.state(is_over=training.is_over))
    save_checkpoint(folder / CHECKPOINT, training.checkpoint(tensors))
    if training.is_over:
        (folder / BEST).unlink(missing_ok=True)


def _resume(training: _Training[BatchT], folder: Path) -> None:
    job = training.job
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
    training.rows = []
    training.seconds = 0.0
    if training.step:
        training.rows = read_curve(folder / CURVE, training.step, "seconds")
    job.watching.read(folder, training.step)
    if training.rows:
        training.seconds = float(training.rows[-1]["seconds"])
    if 0 < training.step < job.steps and training.mine.first:
        begun = "" if training.code == job.code else f", trained by {training.code}"
        say(f"{job.id}: continues at {training.where}{begun}")


def _take_up(training: _Training[BatchT], path: Path) -> None:
    """Load the state of an earlier process."""
    job = training.job
    checkpoint = load_checkpoint(path, job.id)
    if checkpoint.steps != job.steps:
        raise WeightsError(f"{checkpoint.steps} steps, not {job.steps}")
    restore(checkpoint, *training.state(is_over=checkpoint.step == checkpoint.steps))
    training.step = checkpoint.step
    training.code = (
        checkpoint.code if training.is_over else trained_by(checkpoint.code, job.code)
    )
