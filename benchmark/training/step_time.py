"""How many steps of a training fit into some minutes."""

import math
import time
from collections.abc import Iterator

from torch import nn

from defocus.baselines.objective import Batch, Objective
from defocus.training.method import Method
from defocus.training.objective import Progress
from defocus.training.steps.losses import as_numbers
from defocus.training.steps.optimisers import make_optimisers, optimiser_step

__all__ = ["steps_within"]

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
    """Measure some steps; network and objective are changed by them.

    Args:
        minutes: Minutes of processor time, of all threads together.
        method: How it is trained.
        network: A network like the one to train.
        objective: Its objective.
        batches: Batches like those of the training.
        rate: Learning rate.

    Returns:
        The number of steps, >= 1, and the seconds of one.
    """
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
