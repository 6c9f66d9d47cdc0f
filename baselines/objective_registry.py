"""Objectives and losses by name: modules with a ``make`` in ``objectives`` and ``losses``.

A user's come from plug-in files or from entry points (:data:`PACKAGES`): a ``make``, or its module.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import defocus.baselines.losses
import defocus.baselines.objectives
from defocus.baselines.loss import Loss
from defocus.discovery import at_hand, brought, refuse
from defocus.errors import RegistryError
from defocus.extensions import offered, offered_classes, plugins
from defocus.near_names import meant

if TYPE_CHECKING:  # a list of names needs no torch
    from defocus.baselines.loss import LossFunction
    from defocus.baselines.objective import Objective
    from defocus.baselines.recipe import Recipe


def objectives() -> tuple[str, ...]:
    """Names of the training objectives, sorted."""
    return tuple(sorted(_makers("objective")))


def require_objective(name: str) -> None:
    """Refuse an unknown objective; the error suggests similar names."""
    _find("objective", name)


def objective(name: str, **settings: object) -> "Objective":
    """Make a training objective by its name and the keyword arguments of its ``make``."""
    instance: Objective = _find("objective", name)(**settings)
    return instance


def flow_of(recipe: "Recipe") -> str:
    """Name of the flow estimator used by a recipe's objective; empty if it has none."""
    # An objective declares it by ``flow_name`` beside its ``make``, with the same arguments.
    name = getattr(_find("objective", recipe.objective).find(), "flow_name", None)
    return str(name(**recipe.objective_settings)) if name is not None else ""


def recipe_changes(name: str, settings: Mapping[str, object]) -> Mapping[str, Any]:
    """Training settings that an objective needs, such as the pairs' target; mostly none."""
    # An objective declares them by ``recipe_of`` beside its ``make``, with the same arguments.
    needed = getattr(_find("objective", name).find(), "recipe_of", None)
    changes: Mapping[str, Any] = {} if needed is None else needed(**settings)
    return changes


def losses() -> tuple[str, ...]:
    """Names of the losses, sorted."""
    return tuple(sorted(_makers("loss")))


def loss(name: str, **settings: object) -> "LossFunction":
    """Make a loss between an output and the target, by the keyword arguments of its ``make``."""
    instance: LossFunction = _find("loss", name)(**settings)
    return instance


def source_hashes(recipe: "Recipe") -> dict[str, str]:
    """SHA-256 hashes of the plug-in files of a recipe's objectives and losses, by name, if any."""
    if not plugins():
        return {}
    makers = {"objective": _makers("objective"), "loss": _makers("loss")}
    named = _named({"objective": recipe.objective, **recipe.objective_settings})
    needed = ((name, makers[kind].get(name)) for kind, name in named)
    return {name: maker.source_hash for name, maker in needed if maker and maker.source_hash}


def _named(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The objectives and losses named anywhere in settings."""
    for key, value in settings.items():
        if key in {"objective", "loss"} and isinstance(value, str):
            yield key, value
        for each in value if isinstance(value, Sequence) else (value,):
            if isinstance(each, Mapping):
                yield from _named(each)


@dataclass(frozen=True)
class _Maker:
    """Maker of an objective or a loss, imported if needed; its plug-in file's hash, else empty."""

    origin: str
    find: Callable[[], object]
    source_hash: str = ""

    def __call__(self, **settings: object) -> Any:  # noqa: ANN401 - an objective or a loss
        source = self.find()
        make = getattr(source, "make", source)
        if not callable(make):
            raise RegistryError(f"{self.origin} has no function 'make'; add it")
        return make(**settings)


PACKAGES = {
    "objective": ("objectives", defocus.baselines.objectives),
    "loss": ("losses", defocus.baselines.losses),
}
"""By kind: the name of its entry points, and the package of our own."""


def _makers(kind: str) -> dict[str, _Maker]:
    group, package = PACKAGES[kind]
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    paths = {name: f"{package.__name__}.{name}" for name in names}
    makers = {name: _Maker(at, partial(importlib.import_module, at)) for name, at in paths.items()}
    others = [(name, _Maker(origin, load)) for name, origin, load in brought(group)]
    for name, maker in (*others, *_of_plugins(kind)):
        if name in makers:
            both = f"{makers[name].origin} and by {maker.origin}"
            refuse(maker.origin, f"{kind} {name!r} is defined by {both}; rename one")
        else:
            makers[name] = maker
    return makers


def _of_plugins(kind: str) -> Iterator[tuple[str, _Maker]]:
    if kind == "loss":
        for plugin, one in offered(Loss):
            origin = f"plug-in {plugin.path}"
            yield one.name, _Maker(origin, at_hand(one), plugin.hash_of(one))
    elif plugins():
        from defocus.baselines.objective import Objective

        for plugin, its in offered_classes(Objective):
            origin = f"plug-in {plugin.path}"
            if not its.name:
                raise RegistryError(f"{origin}: objective {its.__name__} lacks 'name'; set it")
            yield its.name, _Maker(origin, at_hand(its), plugin.hash_of(its))


def _find(kind: str, name: str) -> _Maker:
    makers = _makers(kind)
    if name not in makers:
        raise RegistryError(f"no {kind} {name!r}; {meant(name, sorted(makers))}")
    return makers[name]
