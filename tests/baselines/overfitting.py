"""Learning one batch by heart: whether gradients lead anywhere."""

import torch
from torch import nn

from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.recipe import Recipe
from defocus.training.steps.optimisers import make_optimisers, optimiser_step


def paired_batch(side: int = 32, count: int = 2) -> Batch:
    """Bright smooth pictures; blurry: a box of 5 px and half the light; views 1 px to the sides."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(count, 3, side // 4, side // 4, generator=generator)
    sharp = 0.5 + nn.functional.interpolate(coarse, (side, side), mode="bilinear") / 2
    blurry = 0.5 * nn.functional.avg_pool2d(
        sharp, 5, stride=1, padding=2, count_include_pad=False
    )
    views = torch.cat([blurry.roll(1, -1), blurry.roll(-1, -1)], dim=1)
    return Batch(blurry, sharp, supervision={"dual_pixel": views})


def loss_falls_to(
    network: nn.Module,
    objective: Objective,
    recipe: Recipe,
    batch: Batch,
    *,
    steps: int = 12,
    learning_rate: float = 1e-3,
) -> float:
    """Last loss over first, by the recipe's own optimiser and clipping; all steps are finite."""
    network.train()
    objective.train()
    optimisers = make_optimisers(recipe, network, objective)
    losses = [
        optimiser_step(
            recipe,
            optimisers,
            network,
            objective,
            batch,
            Progress(step, 0.0),
            learning_rate,
        )["loss"]
        for step in range(steps)
    ]
    for parameter in filter(lambda each: each.requires_grad, network.parameters()):
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
    return losses[-1] / losses[0]
