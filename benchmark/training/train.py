"""Training of one run of a study."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch import nn

from defocus.baselines.objective import Batch, Objective
from defocus.baselines.recipe import Recipe, Schedule
from defocus.baselines.weights.backbones import all_required
from defocus.baselines.weights.own import find_narrow_weights, load_narrow_weights
from defocus.baselines.weights.store import build_with, find_weights
from defocus.benchmark.cost.memory_check import probe_memory
from defocus.benchmark.cost.size_check import require_sizes
from defocus.benchmark.results.provenance import package_version
from defocus.benchmark.study.plan import Run
from defocus.benchmark.training.step_time import say_hours
from defocus.benchmark.training.watch import Watch, report_selection, watching_of
from defocus.datasets.patching.batch import Batches
from defocus.errors import SettingsError, WeightsError
from defocus.training import loop
from defocus.training.feeding import Feeder
from defocus.training.loop import Job, Trained
from defocus.training.objective import TrainingObjective
from defocus.training.parallel import Ranks, places_of, ranks
from defocus.training.record.checkpoint import load_checkpoint, restore
from defocus.training.record.folder import CHECKPOINT, CURVE, steps_done
from defocus.training.record.loss_curve import read_curve

if TYPE_CHECKING:
    from defocus.datasets.stream.patches import StreamPatches

__all__ = ["load_trained", "train"]


def train(
    run: Run,
    make_objective: Callable[[], Objective],
    patches: Batches,
    folder: Path,
    device: torch.device,
    *,
    epoch_crops: int = 1,
    watches: Mapping[str, Watch] = MappingProxyType({}),
    sizes: Sequence[tuple[int, int]] = (),
) -> Trained:
    """Train a run until its last step; see :func:`defocus.training.loop.train`."""
    # ``sizes`` are heights and widths that the network must take; ``epoch_crops`` is the length of
    # an epoch where the schedule counts epochs.
    recipe, schedule = run.recipe, run.schedule
    if recipe is None:
        raise ValueError(f"{run.system} has no recipe")
    steps = schedule.steps or recipe.epochs * math.ceil(epoch_crops / schedule.batch)
    watching = watching_of(recipe.training, watches, steps)

    def objective() -> Objective:
        with all_required() if run.reported_budget == "paper" else nullcontext():
            return make_objective()

    def check(network: nn.Module, made: TrainingObjective[Batch], world: int) -> None:
        require_sizes(run.baseline, network, sizes, device)
        probe_memory(run, network, made, device, world)
        if device.type == "cpu" and ranks().first:
            done, _ = steps_done(folder) or (0, 0)
            say_hours(run, network, made, steps - done)

    job: Job[Batch] = Job(
        id=run.id,
        seed=run.seed,
        method=recipe,
        learning_rate=schedule.learning_rate,
        steps=steps,
        make_network=partial(_started, run),
        make_objective=objective,
        batches=partial(_batches, run, recipe, patches, steps),
        code=package_version(),
        watching=watching,
        check=check,
    )
    with _one_thread() if run.baseline.is_narrow else nullcontext():
        trained = loop.train(job, folder, device)
    if ranks().first:
        report_selection(watching.rows, run.id, folder)
    return trained


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread: several add up in another order, and small networks gain little."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _started(run: Run) -> nn.Module:
    """The network with fresh weights, or with those that the run or its schedule names."""
    # A narrow copy begins with the start weights that the package ships for it.
    if run.baseline.is_narrow:
        network = run.baseline.build()
        if (path := find_narrow_weights(run.baseline)) is not None:
            load_narrow_weights(network, path)
        return network
    weights, label = run.start, run.schedule.start
    if weights is None and label is not None:
        weights = find_weights(run.baseline, label)
    return run.baseline.build() if weights is None else build_with(run.baseline, weights)


@dataclass(frozen=True)
class _OfRun:
    """What the batches of a run depend on besides the step; it is sent to the processes."""

    schedule: Schedule
    epochs: int
    steps: int
    seed: int
    patches: Batches
    mine: Ranks


def _batch(given: _OfRun, step: int) -> Batch:
    """This process's part of the batch of a step."""
    crop_px, size = given.schedule.size_at(step / given.steps * given.epochs)
    places = places_of(size, given.mine)
    return given.patches.batch(step, size, given.seed, crop_px, places=places)


def _batches(
    run: Run, recipe: Recipe, patches: Batches, steps: int, first: int, feeder: Feeder
) -> Iterator[Batch]:
    if recipe.training.reuse > 1:
        from defocus.datasets.stream.patches import StreamPatches

        if isinstance(patches, StreamPatches):
            return _reused(run, recipe, patches, steps, first, feeder)
    given = _OfRun(run.schedule, recipe.epochs, steps, run.seed, patches, feeder.mine)
    return feeder.ahead(partial(_batch, given), range(first, steps))


def _reused(
    run: Run, recipe: Recipe, patches: "StreamPatches", steps: int, first: int, feeder: Feeder
) -> Iterator[Batch]:
    from defocus.datasets.stream.bank import Reuse, reused_batches

    if run.schedule.growth:
        raise SettingsError(
            "[training] reuse needs crops of one size; set crop_px and batch under [schedule], "
            "which leaves the growth of the recipe out"
        )
    schedule, times = run.schedule, recipe.training.reuse
    reuse = Reuse(times, schedule.batch, schedule.crop_px, steps, run.seed)
    return reused_batches(patches, reuse, first, feeder)


def load_trained(run: Run, folder: Path) -> Trained:
    """The network of a finished training; a damaged or foreign checkpoint is refused."""
    path = folder / CHECKPOINT
    checkpoint = load_checkpoint(path, run.id)
    if checkpoint.step != checkpoint.steps:
        raise WeightsError(f"{path}: step {checkpoint.step} of {checkpoint.steps}; train it first")
    network = run.baseline.build()
    restore(checkpoint, {"network": network})
    rows = read_curve(folder / CURVE, checkpoint.step)
    return Trained(network, float(rows[-1]["seconds"]) if rows else 0.0)
