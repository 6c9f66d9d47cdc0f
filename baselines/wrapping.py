"""Networks trained with another objective than their own: ``OBJECTIVE-NAME``."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.jdrl_card import jdrl_around

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["wrapped", "wrapped_name"]


def wrapped_name(own: Baseline, objective: str) -> str:
    """Name of a system trained with an objective, such as ``jdrl-nafnet``."""
    return f"{objective.replace('_', '-')}-{own.card.name}"


def wrapped(own: Baseline, recipe: "Callable[[], Recipe]", objective: str) -> Baseline:
    """The system under an objective, a variant of it.

    JDRL comes after the network's own training, as its authors advise; any other objective takes
    the place of the network's own from the first step.

    Args:
        own: The system.
        recipe: Makes its own training settings.
        objective: Name of the objective.
    """
    if objective == "jdrl":
        made = jdrl_around(own, recipe, f"{own.card.display_name} + JDRL")
        return replace(made, card=replace(made.card, variant_of=own.card.name))
    card = replace(
        own.card,
        name=wrapped_name(own, objective),
        display_name=f"{own.card.display_name}, {objective}",
        kind="objective",
        follows=f"{own.card.name} as here, trained with the objective {objective}",
        variant_of=own.card.name,
        published_as=None,
        weights_trained_on=(),
    )
    return replace(own, card=card, recipe=partial(_with_objective, recipe, objective))


def _with_objective(own: "Callable[[], Recipe]", objective: str) -> "Recipe":
    update = {"objective": objective, "objective_settings": {}, "warmup_epochs": 0}
    return own().model_copy(update={**update, "adversary": None})
