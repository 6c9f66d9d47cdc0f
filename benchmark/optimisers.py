"""The optimisers of a training, and one step of them."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from defocus.baselines.objectives.objective import Batch, Objective, Progress
from defocus.baselines.recipe import Adversary, Optimiser, Recipe
from defocus.errors import DefocusError

__all__ = ["Optimisers", "TrainingError", "make_optimisers", "optimiser_step"]


class TrainingError(DefocusError):
    """A training went wrong; the message is the reason."""


@dataclass(frozen=True)
class Optimisers:
    """What turns gradients into steps.

    Attributes:
        network: Of the network's and the objective's parameters, the adversary's left out.
        adversary: Of the adversary's, None where there is none.
    """

    network: torch.optim.Optimizer
    adversary: torch.optim.Optimizer | None

    def by_name(self) -> dict[str, torch.optim.Optimizer]:
        """All of them by the names that checkpoints use."""
        found = {"optimiser": self.network}
        return found | ({"adversary_optimiser": self.adversary} if self.adversary else {})


def make_optimisers(recipe: Recipe, network: nn.Module, objective: Objective) -> Optimisers:
    """Optimisers with a learning rate yet to be set, save the adversary's, whose rate stays.

    Raises:
        TrainingError: One of objective and recipe has an adversary and the other has none.
    """
    if (objective.adversary is None) != (recipe.adversary is None):
        raise TrainingError("objective and recipe must both have an adversary, or neither")
    against = _trained(objective.adversary) if objective.adversary is not None else []
    apart = {id(parameter) for parameter in against}
    own = [p for p in (*_trained(network), *_trained(objective)) if id(p) not in apart]
    adversary = None
    if recipe.adversary is not None:
        adversary = _make(recipe.optimiser, against, recipe.adversary.learning_rate)
    return Optimisers(_make(recipe.optimiser, own, 0.0), adversary)


def _trained(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _make(
    settings: Optimiser, parameters: list[nn.Parameter], learning_rate: float
) -> torch.optim.Optimizer:
    lr, betas, eps, decay = learning_rate, settings.betas, settings.eps, settings.weight_decay
    # Fused: the plain one takes a third of a step of a large network on a CPU.
    match settings.name:
        case "adam":
            return torch.optim.Adam(parameters, lr, betas, eps, decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, lr, betas, eps, decay, fused=True)
        case "radam":
            return torch.optim.RAdam(parameters, lr, betas, eps, decay, decoupled_weight_decay=True)


def optimiser_step(
    recipe: Recipe,
    optimisers: Optimisers,
    network: nn.Module,
    objective: Objective,
    batch: Batch,
    progress: Progress,
    learning_rate: float,
) -> dict[str, float]:
    """One step of the network, then those of its adversary.

    Returns:
        ``loss`` and the parts of both losses, the adversary's own loss as ``adversary``.

    Raises:
        TrainingError: A loss is not finite.
    """
    for group in optimisers.network.param_groups:
        group["lr"] = learning_rate
    with _fixed(objective.adversary):
        loss, parts = objective(network, batch, progress)
        value = _descend(optimisers.network, loss, progress, recipe.gradient_clip)
    found = {"loss": value, **parts}
    if optimisers.adversary is not None and recipe.adversary is not None:
        found |= _adversary_steps(
            recipe.adversary, optimisers.adversary, network, objective, batch, progress
        )
    return found


def _adversary_steps(
    settings: Adversary,
    optimiser: torch.optim.Optimizer,
    network: nn.Module,
    objective: Objective,
    batch: Batch,
    progress: Progress,
) -> dict[str, float]:
    found: dict[str, float] = {}
    for _ in range(settings.steps):
        given = objective.adversary_loss(network, batch, progress)
        if given is None:
            return found
        loss, parts = given
        found = {"adversary": _descend(optimiser, loss, progress, None), **parts}
    return found


def _descend(
    optimiser: torch.optim.Optimizer,
    loss: torch.Tensor,
    progress: Progress,
    clip: float | None,
) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(f"loss is {value} at step {progress.step}")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if clip is not None:
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()
    return value


@contextlib.contextmanager
def _fixed(module: nn.Module | None) -> Iterator[None]:
    """Let the parameters of a module get no gradients meanwhile."""
    trained = _trained(module) if module is not None else []
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
