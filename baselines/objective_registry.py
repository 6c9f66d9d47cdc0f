"""Objectives and losses by name.

They are modules with a ``make`` in :mod:`defocus.baselines.objectives` and
:mod:`defocus.baselines.losses`. Users add theirs in a plug-in file, by type
(:mod:`defocus.extensions`), or by entry points ``defocus.objectives`` and ``defocus.losses`` (a
``make``, or a module with one).
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import defocus.baselines.losses
import defocus.baselines.objectives
from defocus.baselines.loss import Loss
from defocus.discovery import brought, refuse
from defocus.errors import RegistryError
from defocus.extensions import offered, offered_classes, plugins
from defocus.near_names import did_you_mean

if TYPE_CHECKING:  # a list of names needs no torch
    from defocus.baselines.loss import LossFunction
    from defocus.baselines.objective import Objective
    from defocus.baselines.recipe import Recipe


def objectives() -> tuple[str, ...]:
    """Names of the training objectives, sorted."""
    return tuple(sorted(_objective_makers()))


def require_objective(name: str) -> None:
    """Refuse an unknown objective; the error suggests similar names."""
    _find(_objective_makers(), "objective", name)


def objective(name: str, **settings: object) -> "Objective":
    """Make a training objective by its name and the keyword arguments of its ``make``."""
    made: Objective = _find(_objective_makers(), "objective", name)(**settings)
    return made


def flow_of(recipe: "Recipe") -> str:
    """Name of the flow estimator used by a recipe's objective; empty if it has none."""
    # An objective declares it by ``flow_name`` beside its ``make``, with the same arguments.
    found = _find(_objective_makers(), "objective", recipe.objective).find()
    name = getattr(found, "flow_name", None)
    return str(name(**recipe.objective_settings)) if name is not None else ""


def recipe_changes(name: str, settings: Mapping[str, object]) -> Mapping[str, Any]:
    """Training settings that an objective needs, such as the pairs' target; mostly none."""
    # An objective declares them by ``recipe_of`` beside its ``make``, with the same arguments.
    found = _find(_objective_makers(), "objective", name).find()
    needed = getattr(found, "recipe_of", None)
    changes: Mapping[str, Any] = {} if needed is None else needed(**settings)
    return changes


def losses() -> tuple[str, ...]:
    """Names of the losses, sorted."""
    return tuple(sorted(_loss_makers()))


def loss(name: str, **settings: object) -> "LossFunction":
    """Make a loss between an output and the target, by the keyword arguments of its ``make``."""
    made: LossFunction = _find(_loss_makers(), "loss", name)(**settings)
    return made


def source_hashes(recipe: "Recipe") -> dict[str, str]:
    """SHA-256 hashes of the plug-in files of a recipe's objectives and losses, by name, if any."""
    if not plugins():
        return {}
    makers = {"objective": _objective_makers(), "loss": _loss_makers()}
    named = _named({"objective": recipe.objective, **recipe.objective_settings})
    found = {name: makers[kind].get(name) for kind, name in named}
    return {name: maker.source_hash for name, maker in found.items() if maker and maker.source_hash}


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
        found = self.find()
        make = getattr(found, "make", found)
        if not callable(make):
            raise RegistryError(f"{self.origin} has no function 'make'; add it")
        return make(**settings)


def _objective_makers() -> dict[str, _Maker]:
    makers = _modules_of(defocus.baselines.objectives)
    for name, origin, load in brought("objectives"):
        _add(makers, "objective", name, _Maker(origin, load))
    if plugins():
        from defocus.baselines.objective import Objective

        for plugin, kind in offered_classes(Objective):
            origin = f"plug-in {plugin.path}"
            if not kind.name:
                raise RegistryError(f"{origin}: objective {kind.__name__} lacks 'name'; set it")
            maker = _Maker(origin, lambda kind=kind: kind, plugin.hash_of(kind))  # type: ignore[misc]
            _add(makers, "objective", kind.name, maker)
    return makers


def _loss_makers() -> dict[str, _Maker]:
    makers = _modules_of(defocus.baselines.losses)
    for name, origin, load in brought("losses"):
        _add(makers, "loss", name, _Maker(origin, load))
    for plugin, one in offered(Loss):
        maker = _Maker(f"plug-in {plugin.path}", lambda one=one: one, plugin.hash_of(one))  # type: ignore[misc]
        _add(makers, "loss", one.name, maker)
    return makers


def _modules_of(package: ModuleType) -> dict[str, _Maker]:
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    paths = {name: f"{package.__name__}.{name}" for name in names}
    return {name: _Maker(at, partial(importlib.import_module, at)) for name, at in paths.items()}


def _add(makers: dict[str, _Maker], kind: str, name: str, maker: _Maker) -> None:
    if name in makers:
        both = f"{makers[name].origin} and by {maker.origin}"
        refuse(maker.origin, f"{kind} {name!r} is defined by {both}; rename one")
    else:
        makers[name] = maker


def _find(makers: Mapping[str, _Maker], kind: str, name: str) -> _Maker:
    if name not in makers:
        raise RegistryError(f"no {kind} {name!r}{nearest(name, makers)}")
    return makers[name]


def nearest(name: str, known: Iterable[str], listed_by: str = "") -> str:
    """The end of a message: names like it, else all, or the command that lists too many."""
    hint = did_you_mean(name, known)
    if hint:
        return f"; {hint}"
    if listed_by:
        return f"; '{listed_by}' shows all"
    return f"; known are {', '.join(sorted(known))}"
