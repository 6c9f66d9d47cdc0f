"""Optimisers of ``torch.optim`` by name, with the settings of a recipe."""

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import nn, optim

from defocus.near_names import did_you_mean

if TYPE_CHECKING:
    from defocus.baselines.recipe import Optimiser

__all__ = ["check_optimiser", "make_optimiser"]

FIXED: dict[str, dict[str, Any]] = {
    # Fused: the plain one takes a third of a step of a large network on a CPU.
    "adam": {"fused": True},
    "adamw": {"fused": True},
    "radam": {"decoupled_weight_decay": True},
}
"""What is always said to the optimisers of the field's recipes."""

UNFIT = {
    "lbfgs": "it calls the network several times for one step",
    "sparseadam": "it takes sparse gradients alone",
}
"""Optimisers that no training here can use, and why."""


def check_optimiser(settings: "Optimiser") -> None:
    """Refuse an optimiser that torch does not have, or settings that it does not take.

    Raises:
        ValueError: What is wrong, and the nearest names.
    """
    # A matrix, because some take nothing else.
    make_optimiser(settings, [nn.Parameter(torch.zeros(2, 2))], 1e-3)


def make_optimiser(
    settings: "Optimiser", parameters: list[nn.Parameter], learning_rate: float
) -> optim.Optimizer:
    """The optimiser of a recipe.

    Args:
        settings: Its name and settings.
        parameters: What it moves.
        learning_rate: At the start.

    Raises:
        ValueError: As :func:`check_optimiser`; or it cannot move such parameters.
    """
    kind = _kind(settings.name)
    taken = inspect.signature(kind).parameters.keys() - {"params", "lr"}
    given = {**FIXED.get(settings.name, {}), **_common(settings, taken), **settings.settings}
    for name in given.keys() - taken:
        raise ValueError(
            f"optimiser {settings.name!r} has no setting {name!r}{_near(name, sorted(taken))}"
        )
    try:
        return kind(_groups(settings, parameters), lr=learning_rate, **given)  # type: ignore[call-arg]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"optimiser {settings.name!r}: {error}") from error


def _groups(settings: "Optimiser", parameters: list[nn.Parameter]) -> list[Any]:
    """The parameters, apart from those that do not decay."""
    if settings.decayed == "all":
        return parameters
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


def _kind(name: str) -> type[optim.Optimizer]:
    known = {
        cls.__name__.lower(): cls
        for cls in vars(optim).values()
        if isinstance(cls, type) and issubclass(cls, optim.Optimizer)
    }
    fit = sorted(known.keys() - UNFIT.keys() - {"optimizer"})
    if name in UNFIT:
        raise ValueError(f"optimiser {name!r} cannot be used: {UNFIT[name]}")
    if name not in fit:
        raise ValueError(f"no optimiser {name!r} in torch.optim{_near(name, fit)}")
    return known[name]


def _common(settings: "Optimiser", taken: set[str]) -> dict[str, Any]:
    """Betas, eps and weight decay: those that differ from Adam's, and all that Adam's kin take."""
    adam = type(settings)()
    values = {name: getattr(settings, name) for name in ("betas", "eps", "weight_decay")}
    return {
        name: value
        for name, value in values.items()
        if value != getattr(adam, name) or (settings.name in FIXED and name in taken)
    }


def _near(name: str, known: list[str]) -> str:
    return f"; {did_you_mean(name, known) or 'there are ' + ', '.join(known)}"
