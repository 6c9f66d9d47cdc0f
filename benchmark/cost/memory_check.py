"""Check before training whether a step fits into memory, with advice if not."""

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from defocus.baselines.objective import Batch
from defocus.benchmark.cost.trial_step import random_batch, try_step
from defocus.errors import TrainingError
from defocus.training.memory import available_bytes
from defocus.training.objective import Progress, TrainingObjective

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe
    from defocus.benchmark.study.plan import Run

__all__ = ["probe_memory"]


def probe_memory(
    run: "Run",
    network: nn.Module,
    objective: TrainingObjective[Batch],
    device: torch.device,
    world: int,
) -> None:
    """Try a step of one crop of the largest size, and refuse a batch that memory cannot hold."""
    # The step is extrapolated to the batch; on a GPU the batch itself is then tried too, because
    # libraries use memory there that cannot be counted. The trial leaves no trace.
    recipe = run.recipe
    if recipe is None:
        raise ValueError(f"{run.system} has no recipe")
    sizes = [(run.schedule.crop_px, run.schedule.batch)]
    sizes += [(each.crop_px, each.batch) for each in run.schedule.growth]
    crop_px, batch = max(sizes, key=lambda size: size[0] ** 2 * size[1])
    crops = math.ceil(batch / world / recipe.training.accumulate)

    def peak(size: int) -> int | None:
        """Peak bytes of a training step on a number of noise crops; None if it does not fit."""
        batch = random_batch(run.baseline.card, recipe.supervision, size, crop_px).to(device)
        late = Progress(0, float(recipe.epochs), recipe.warmup_epochs)
        try:
            trial = try_step(network, objective, batch, late, recipe.training.precision)
        except torch.OutOfMemoryError:
            return None
        finally:
            if device.type == "cuda":
                torch.cuda.empty_cache()
        return trial.peak_bytes

    # gradients are there once, and the optimiser keeps two numbers for each
    weights = sum(p.nbytes for m in (network, objective) for p in m.parameters() if p.requires_grad)
    free = available_bytes(device) - 3 * weights
    found = peak(1)
    each = None if found is None else max(1, found - weights)
    if each is None or each * crops > free or (device.type == "cuda" and peak(crops) is None):
        raise TrainingError(_proposal(recipe, crop_px, crops, each, free))


def _proposal(recipe: "Recipe", crop_px: int, crops: int, each: int | None, free: int) -> str:
    told = f"a step of {crops} crops of {crop_px} px has no room: {free / 2**30:.1f} GiB are free"
    if each is None or each > free:
        return f"{told}, and one crop needs more; choose a smaller crop_px under [schedule]"
    # a tenth is left to what libraries take beside the tensors that are counted
    fitting = max(1, min(crops - 1, int(0.9 * free / each)))
    parts = math.ceil(crops * recipe.training.accumulate / fitting)
    return (
        f"{told}, about {each * crops / 2**30:.1f} are needed; set accumulate = {parts} under "
        "[training] in a file for --settings (the batch stays), or a smaller batch or crop_px "
        "under [schedule]"
    )
