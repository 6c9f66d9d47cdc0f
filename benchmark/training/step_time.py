"""How many steps of a training fit into some minutes, and how many hours one takes."""

import math
import time
from collections.abc import Iterator

from torch import nn

from defocus.baselines.objective import Batch, Objective
from defocus.benchmark.cost.trial_step import random_batch, try_step
from defocus.benchmark.study.plan import Run
from defocus.progress import say
from defocus.training.method import Method
from defocus.training.objective import Progress, TrainingObjective
from defocus.training.steps.losses import as_numbers
from defocus.training.steps.optimisers import make_optimisers, optimiser_step

__all__ = ["say_hours", "steps_within"]

TIMED_STEPS, UNTIMED_STEPS = 6, 2
SECONDS_PER_MINUTE = 60

LONG_STEPS = 5000
"""Shorter trainings are not timed before they begin."""
TIMED_CROPS = 2


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
            method, optimisers, network, objective, next(batches), progress, rate
        )
    as_numbers([values["loss"]])  # waits for the device
    each = (time.process_time() - begun) / TIMED_STEPS
    return max(1, math.floor(minutes * SECONDS_PER_MINUTE / each)), each


def say_hours(
    run: Run, network: nn.Module, objective: TrainingObjective[Batch], steps: int
) -> None:
    """Say how many hours a long training will take on the CPU; the trial leaves no trace."""
    recipe, schedule = run.recipe, run.schedule
    if recipe is None or steps < LONG_STEPS:
        return
    batch = random_batch(run.baseline.card, recipe.supervision, TIMED_CROPS, schedule.crop_px)
    late = Progress(0, float(recipe.epochs), recipe.warmup_epochs)
    seconds = min(
        try_step(network, objective, batch, late, recipe.training.precision).seconds for _ in "ab"
    )
    sizes = [schedule.size_at(recipe.epochs * percent / 100) for percent in range(100)]
    crops = sum(size * (px / schedule.crop_px) ** 2 for px, size in sizes) / len(sizes)
    hours = seconds / TIMED_CROPS * crops * steps / 3600
    if hours >= 1:
        say(f"{run.id}: its {steps:,} steps will take about {hours:,.0f} hours on this processor")
