"""Training of one run of a study, and its pace."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import nn

from defocus.baselines.objective import Batch, Objective
from defocus.baselines.recipe import Schedule
from defocus.baselines.weights.backbones import all_required
from defocus.baselines.weights.own import find_narrow_weights, load_narrow_weights
from defocus.baselines.weights.store import build_with, find_weights
from defocus.benchmark.cost.tiling import foresee_tiles
from defocus.benchmark.cost.trial_step import (
    probe_memory,
    random_batch,
    require_sizes,
    try_run,
)
from defocus.benchmark.results.run_folder import package_version
from defocus.benchmark.study.plan import LONG_STEPS, Run
from defocus.benchmark.study.validation import Watch, watching_of
from defocus.datasets.patching.batch import Batches
from defocus.datasets.patching.reuse import Reusable, Reuse
from defocus.errors import SettingsError, WeightsError
from defocus.progress import counted, say
from defocus.storage.files import write_json
from defocus.training import loop
from defocus.training.devices import in_one_thread
from defocus.training.feeding import Feeder
from defocus.training.loop import Job, Trained
from defocus.training.objective import TrainingObjective
from defocus.training.parallel import Ranks, places_of, ranks
from defocus.training.record.checkpoint import load_checkpoint, restore
from defocus.training.record.curve_files import read_curve
from defocus.training.record.folder import CHECKPOINT, CURVE, SELECTION, steps_done


def report_selection(
    rows: Sequence[Mapping[str, float]],
    run: str,
    folder: Path,
) -> None:
    """Report and write the bias of choosing weights by test pictures, in ``selection.json``."""
    # ``optimism_db`` is the test score of the best weights on test minus that of the best on
    # validation (without validation pairs: of the last).
    if not rows or "test" not in rows[-1]:
        return
    last = rows[-1]["test"]
    validated = [row for row in rows if "validation" in row]
    chosen = (
        max(validated, key=lambda row: row["validation"])["test"] if validated else None
    )
    best = max(row["test"] for row in rows)
    optimism = best - (last if chosen is None else chosen)
    document = {
        "last": last,
        "best_on_validation": chosen,
        "best_on_test": best,
        "optimism_db": optimism,
    }
    write_json(folder / SELECTION, document)
    validation = (
        "no validation pairs"
        if chosen is None
        else f"best on validation {chosen:.2f} dB"
    )
    say(
        f"{run}: PSNR of the test pictures: last {last:.2f} dB, {validation}, best on test "
        f"{best:.2f} dB; choosing on the test pictures flatters by {optimism:.2f} dB"
    )


TIMED_CROPS, TRIALS = 2, 5


def say_hours(
    run: Run,
    network: nn.Module,
    objective: TrainingObjective[Batch],
    steps: int,
) -> None:
    """Say how many hours a long training will take on the CPU; the trial leaves no trace."""
    if steps < LONG_STEPS:
        return
    schedule, epochs = run.schedule, run.own_recipe.epochs
    batch = (TIMED_CROPS, schedule.crop_px)
    trials = []
    for _ in range(TRIALS):  # other programs lengthen some
        trial = try_run(run, network, objective, batch, torch.device("cpu"))
        trials.append(trial.seconds)
    crops = []
    for percent in range(100):
        crop_px, size = schedule.size_at(epochs * percent / 100)
        crops.append(size * (crop_px / schedule.crop_px) ** 2)
    mean_crops = sum(crops) / len(crops)
    hours = min(trials) / TIMED_CROPS * mean_crops * steps / 3600
    if hours >= 1:
        duration = counted(round(hours), "hour")
        say(
            f"{run.id}: its {steps:,} steps will take about {duration} on this processor"
        )


@dataclass(frozen=True)
class TrainingPictures:
    """Facts about the pictures of a dataset that a training needs."""

    # ``sizes`` are heights and widths that the network must take; ``epoch_crops`` is the length of
    # an epoch where the schedule counts epochs.

    epoch_crops: int = 1
    watches: Mapping[str, Watch] = field(default_factory=dict)
    sizes: Sequence[tuple[int, int]] = ()


NO_PICTURES = TrainingPictures()
"""Pictures of a training without validation, for a network that is not asked what sizes it
takes."""


def train(
    run: Run,
    make_objective: Callable[[], Objective],
    patches: Batches,
    folder: Path,
    device: torch.device,
    pictures: TrainingPictures = NO_PICTURES,
) -> Trained:
    """Train a run until its last step; see :func:`defocus.training.loop.train`."""
    recipe, schedule = run.own_recipe, run.schedule
    epoch_steps = math.ceil(pictures.epoch_crops / schedule.batch)
    steps = schedule.steps or recipe.epochs * epoch_steps
    watching = watching_of(recipe.training, pictures.watches, steps)
    job: Job[Batch] = Job(
        id=run.id,
        seed=run.seed,
        method=recipe,
        learning_rate=schedule.learning_rate,
        steps=steps,
        make_network=partial(_started, run),
        make_objective=partial(_made, run, make_objective),
        batches=partial(_batches, run, patches, steps),
        code=package_version(),
        watching=watching,
        sample=partial(_sample, run),
        check=_Check(run, folder, device, pictures.sizes, steps).before,
    )
    with in_one_thread(run.baseline.is_narrow):
        trained = loop.train(job, folder, device)
    if ranks().first:
        report_selection(watching.rows, run.id, folder)
    return trained


def _made(run: Run, make_objective: Callable[[], Objective]) -> Objective:
    with all_required() if run.reported_budget == "paper" else nullcontext():
        return make_objective()


def _sample(run: Run) -> Batch:
    """Noise of the size of this process's part of a batch."""
    size = run.schedule.batch // ranks().world
    supervision = run.own_recipe.supervision
    return random_batch(run.baseline.card, supervision, size, run.schedule.crop_px)


@dataclass(frozen=True)
class _Check:
    """Tests that a network must pass before its first step."""

    run: Run
    folder: Path
    device: torch.device
    sizes: Sequence[tuple[int, int]]
    steps: int

    def before(
        self,
        network: nn.Module,
        objective: TrainingObjective[Batch],
        world: int,
    ) -> None:
        """Refuse a network that cannot be trained here; say how long a long training takes."""
        require_sizes(self.run.baseline, network, self.sizes, self.device)
        foresee_tiles(network, self.run.baseline.card, self.sizes, self.device)
        probe_memory(self.run, network, objective, self.device, world)
        if self.device.type == "cpu" and ranks().first:
            step, _ = steps_done(self.folder) or (0, 0)
            say_hours(self.run, network, objective, self.steps - step)


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
    return (
        run.baseline.build() if weights is None else build_with(run.baseline, weights)
    )


@dataclass(frozen=True)
class _OfRun:
    """Everything besides the step that the batches of a run depend on; sent to processes."""

    schedule: Schedule
    epochs: int
    steps: int
    seed: int
    patches: Batches
    mine: Ranks


def _batch(shared: _OfRun, step: int) -> Batch:
    """This process's part of the batch of a step."""
    epoch = step / shared.steps * shared.epochs
    crop_px, size = shared.schedule.size_at(epoch)
    places = places_of(size, shared.mine)
    return shared.patches.batch(step, size, shared.seed, crop_px, places=places)


def _batches(
    run: Run,
    patches: Batches,
    steps: int,
    first: int,
    feeder: Feeder,
) -> Iterator[Batch]:
    if run.own_recipe.training.reuse > 1 and isinstance(patches, Reusable):
        return _reused(run, patches, steps, first, feeder)
    epochs = run.own_recipe.epochs
    shared = _OfRun(run.schedule, epochs, steps, run.seed, patches, feeder.mine)
    return feeder.ahead(partial(_batch, shared), range(first, steps))


def _reused(
    run: Run,
    patches: Reusable,
    steps: int,
    first: int,
    feeder: Feeder,
) -> Iterator[Batch]:
    if run.schedule.growth:
        raise SettingsError(
            "[training] reuse needs crops of one size; set crop_px and batch under [schedule], "
            "which leaves the growth of the recipe out"
        )
    schedule, times = run.schedule, run.own_recipe.training.reuse
    reuse = Reuse(times, schedule.batch, schedule.crop_px, steps, run.seed)
    return patches.reused(reuse, first, feeder)


def load_trained(run: Run, folder: Path) -> Trained:
    """The network of a finished training; a damaged or foreign checkpoint is refused."""
    path = folder / CHECKPOINT
    checkpoint = load_checkpoint(path, run.id)
    if checkpoint.step != checkpoint.steps:
        raise WeightsError(
            f"{path}: step {checkpoint.step} of {checkpoint.steps}; train it first"
        )
    network = run.baseline.build()
    restore(checkpoint, {"network": network})
    rows = read_curve(folder / CURVE, checkpoint.step, "seconds")
    return Trained(network, float(rows[-1]["seconds"]) if rows else 0.0)
