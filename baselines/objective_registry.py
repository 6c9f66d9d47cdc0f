"""Objectives and losses by name: modules with a ``make`` in ``objectives`` and ``losses``.

A user's come from plug-in files or from entry points (:data:`PACKAGES`): a ``make``, or its module.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import defocus.baselines.losses
import defocus.baselines.objectives
from defocus.baselines.loss import Loss
from defocus.errors import RegistryError
from defocus.plugins.discovery import Kind, Offer, Shape
from defocus.plugins.extensions import plugins

if TYPE_CHECKING:  # a list of names needs no torch
    from defocus.baselines.loss import LossFunction
    from defocus.baselines.objective import Objective
    from defocus.baselines.recipe import Recipe


def _objective_type() -> "type[Objective]":
    from defocus.baselines.objective import Objective

    return Objective


OBJECTIVES: "Kind[type[Objective]]" = Kind(
    "objectives",
    Shape(_objective_type, function="make", of_classes=True, keeps_name=True),
    defocus.baselines.objectives.__name__,
)

LOSSES: Kind[Loss] = Kind(
    "losses",
    Shape(lambda: Loss, function="make", keeps_name=True),
    defocus.baselines.losses.__name__,
    word="loss",
)


def objectives() -> tuple[str, ...]:
    """Names of the training objectives, sorted."""
    return tuple(sorted(OBJECTIVES.offers()))


def require_objective(name: str) -> None:
    """Refuse an unknown objective; the error suggests similar names."""
    OBJECTIVES.find(name)


def objective(name: str, **settings: object) -> "Objective":
    """Make a training objective by its name and the keyword arguments of its ``make``."""
    instance: Objective = _made(OBJECTIVES, OBJECTIVES.find(name), settings)
    return instance


def flow_of(recipe: "Recipe") -> str:
    """Name of the flow estimator used by a recipe's objective; empty if it has none."""
    # An objective declares it by ``flow_name`` beside its ``make``, with the same arguments.
    name = getattr(OBJECTIVES.find(recipe.objective).load(), "flow_name", None)
    return str(name(**recipe.objective_settings)) if name is not None else ""


def recipe_changes(name: str, settings: Mapping[str, object]) -> Mapping[str, Any]:
    """Training settings that an objective needs, such as the pairs' target; mostly none."""
    # An objective declares them by ``recipe_of`` beside its ``make``, with the same arguments.
    module = OBJECTIVES.find(name).load()
    needed = getattr(module, "recipe_of", None)
    changes: Mapping[str, Any] = {} if needed is None else needed(**settings)
    return changes


def losses() -> tuple[str, ...]:
    """Names of the losses, sorted."""
    return tuple(sorted(LOSSES.offers()))


def loss(name: str, **settings: object) -> "LossFunction":
    """Make a loss between an output and the target, by the keyword arguments of its ``make``."""
    instance: LossFunction = _made(LOSSES, LOSSES.find(name), settings)
    return instance


def source_hashes(recipe: "Recipe") -> dict[str, str]:
    """SHA-256 hashes of the plug-in files of a recipe's objectives and losses, by name, if any."""
    if not plugins():
        return {}
    offers = {"objective": OBJECTIVES.offers(), "loss": LOSSES.offers()}
    hashes = {}
    for kind, name in _named(
        {"objective": recipe.objective, **recipe.objective_settings}
    ):
        offer = offers[kind].get(name)
        if offer is not None and offer.plugin is not None:
            hashes[name] = offer.plugin.source_hash
    return hashes


def _named(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The objectives and losses named anywhere in settings."""
    for key, value in settings.items():
        if key in {"objective", "loss"} and isinstance(value, str):
            yield key, value
        for each in value if isinstance(value, Sequence) else (value,):
            if isinstance(each, Mapping):
                yield from _named(each)


def _made(kind: Kind[Any], offer: Offer, settings: Mapping[str, object]) -> Any:  # noqa: ANN401 - an objective or a loss
    thing = kind.thing(offer)
    if thing is None:
        raise RegistryError(
            f"{offer.origin} gives no {kind.singular}; mend or remove it"
        )
    make = getattr(thing, "make", thing)
    return make(**settings)
