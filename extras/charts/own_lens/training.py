"""Fine-tuning of a network with pairs seen through one lens and some through others."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.recipe import Recipe
from defocus.baselines.weights.store import StoredWeights, build_with
from defocus.benchmark.results.run_folder import package_version
from defocus.datasets.pair import Dataset
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.training import TrainingStream
from defocus.errors import InputError
from defocus.extras.charts.own_lens.patch_bank import PatchBank
from defocus.progress import counted, say
from defocus.reading import read_json
from defocus.storage.files import make_folder, write_json
from defocus.training import loop
from defocus.training.devices import best_device
from defocus.training.feeding import Feeder
from defocus.training.learning_rate import Cosine
from defocus.training.loop import Job
from defocus.training.method import Method
from defocus.training.parallel import part_of
from defocus.training.steps.losses import as_numbers
from defocus.training.steps.optimisers import make_optimisers, optimiser_step

RATE, CROP_PX, PATCH_PX = 3e-4, 96, 128
WARM_UP_STEPS, FLOOR = 100, 1e-6
"""Number of steps in which the learning rate rises, and the rate at the end. The optimiser knows
the size of the gradients only after dozens of steps, and its first steps at the full rate spoil
what the weights can do; docs/how-to/own-lens.md."""
FEW_STEPS = 500
"""Number of steps below which weights were worse than those they began with, or hardly better."""
OWN, OTHERS = 2, 2
"""Number of crops of a batch that are seen through the lens, and through other lenses."""

PATCHES_PER_MINUTE, MOST_PATCHES, RENEWED_EVERY = 300, 2048, 6
"""Number of patches that are rendered for the lens at first, per minute and at most, and number of
steps after which a new patch replaces an old one; new crops are cut from them in each step. With
too few the network learns them by heart: 2,048 that stayed gained 0.78 dB on held-out scenes after
37 minutes, and 0.40 dB after 60."""


TIMED_STEPS, UNTIMED_STEPS = 6, 2
SECONDS_PER_MINUTE = 60


def steps_within(
    minutes: float,
    method: Method,
    network: nn.Module,
    objective: Objective,
    batches: Iterator[Batch],
    rate: float,
) -> tuple[int, float]:
    """How many steps fit in minutes of processor time, of all threads, and the seconds of one."""
    # Some steps are measured, which changes network and objective.
    optimisers = make_optimisers(method, network, objective)
    begun = 0.0
    for step in range(UNTIMED_STEPS + TIMED_STEPS):
        if step == UNTIMED_STEPS:
            begun = time.process_time()
        progress = Progress(step, 0.0, method.warmup_epochs)
        values = optimiser_step(
            method,
            optimisers,
            network,
            objective,
            next(batches),
            progress,
            rate,
        )
    as_numbers([values["loss"]])  # waits for the device
    each = (time.process_time() - begun) / TIMED_STEPS
    return max(1, math.floor(minutes * SECONDS_PER_MINUTE / each)), each


def train_on(
    system: Baseline,
    start: StoredWeights,
    lens: Dataset,
    others: Dataset,
    minutes: float,
    folder: Path,
) -> nn.Module:
    """Fine-tune a network with the common trainer; a stopped training continues in its folder.

    Minutes are those of all cores; the stream of other lenses keeps the network from getting worse
    there."""
    if system.recipe is None:
        raise InputError(f"{system.card.name} does not train; name a network")
    recipe = system.recipe()
    device = best_device()
    folder = make_folder(folder)
    count = min(MOST_PATCHES, max(OWN, round(PATCHES_PER_MINUTE * minutes)))
    own = _bank(lens, count)
    general = _bank(others, max(1, count * OTHERS // OWN))

    def batches(step: int, feeder: Feeder) -> Iterator[Batch]:
        own.hold(step)
        general.hold(step)
        return (part_of(batch, feeder.mine) for batch in drawn(step))

    def drawn(step: int) -> Iterator[Batch]:
        while True:
            a = own.batch(step, OWN, CROP_PX)
            b = general.batch(step, OTHERS, CROP_PX)
            yield Batch(
                torch.cat([a.blurry, b.blurry]),
                torch.cat([a.target, b.target]),
            )
            step += 1

    def network() -> nn.Module:
        return build_with(system, start).train()

    steps = _steps(recipe, network().to(device), drawn(0), minutes, folder)
    if steps < FEW_STEPS:
        enough = math.ceil(minutes * FEW_STEPS / steps)
        problem = f"{counted(steps, 'step')} are too few to gain anything"
        say(f"{problem}; give --minutes {enough} at least")
    job = Job(
        id=f"{system.card.name}-own-lens",
        seed=0,
        method=recipe.model_copy(update={"decay": _decay(recipe, steps)}),
        learning_rate=RATE,
        steps=steps,
        make_network=network,
        make_objective=lambda: objective(recipe.objective, **recipe.objective_settings),
        batches=batches,
        code=package_version(),
    )
    return loop.train(job, folder, device).network.eval()


def _bank(dataset: Dataset, count: int) -> PatchBank:
    stream = dataset.endless
    if not isinstance(stream, TrainingStream):
        raise InputError(f"{dataset.name}: not a stream")
    renderer = Renderer(stream.photographs, "train")
    return PatchBank(renderer, count, PATCH_PX, RENEWED_EVERY)


def _decay(recipe: Recipe, steps: int) -> Cosine:
    """A warm-up of this many steps, then half a cosine; a recipe's own is a share of its steps."""
    return Cosine(floor=FLOOR, warmup_epochs=recipe.epochs * WARM_UP_STEPS / steps)


def _steps(
    recipe: Recipe,
    network: nn.Module,
    batches: Iterator[Batch],
    minutes: float,
    folder: Path,
) -> int:
    """How many steps fit into the minutes: measured at first, then as noted in the folder."""
    plan = folder / "plan.json"
    if not plan.is_file():
        device = next(network.parameters()).device
        threads = torch.get_num_threads() if device.type == "cpu" else 1
        loss: Any = objective(recipe.objective, **recipe.objective_settings).to(device)
        moved = (batch.to(device) for batch in batches)
        steps, each = steps_within(
            threads * minutes,
            recipe,
            network,
            loss,
            moved,
            RATE,
        )
        write_json(plan, {"steps": steps, "cpu_seconds_per_step": round(each, 4)})
    return int(read_json(plan)["steps"])
