"""Systems, objectives and losses by name.

A folder of this package with a ``baseline.py`` that has ``BASELINES: tuple[Baseline, ...]`` is
found without an edit elsewhere; objectives and losses are modules with a ``make``. Others bring
theirs in a plug-in file, where they are found by type (:mod:`defocus.extensions`), or by entry
points ``defocus.baselines`` (a :class:`Baseline`, a tuple of them, or a module with
``BASELINES``), ``defocus.objectives`` and ``defocus.losses`` (a ``make``, or a module with one).
"""

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import defocus.baselines.losses
import defocus.baselines.objectives
import defocus.baselines.systems
from defocus.baselines.card import Baseline
from defocus.baselines.declared import Network
from defocus.baselines.loss import Loss
from defocus.baselines.wrapping import wrapped, wrapped_name
from defocus.errors import RegistryError
from defocus.extensions import (
    entry_points_of,
    guarded,
    offered,
    offered_classes,
    plugins,
    warn_once,
)
from defocus.near_names import did_you_mean

if TYPE_CHECKING:  # a list of cards needs no torch
    from torch import nn

    from defocus.baselines.loss import LossFunction
    from defocus.baselines.objective import Objective
    from defocus.baselines.recipe import Recipe

__all__ = [
    "ENTRY_POINTS",
    "all_baselines",
    "baseline",
    "flow_of",
    "home_package",
    "known_baselines",
    "loss",
    "losses",
    "objective",
    "objectives",
    "readme",
    "require_objective",
    "source_hashes",
    "with_objective",
]

ENTRY_POINTS = "defocus.baselines"
"""Entry-point group in which other distributions name their systems."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def all_baselines() -> dict[str, Baseline]:
    """Every registered system by name, sorted; imports no torch.

    A network from a plug-in file is there with JDRL around it too, as a variant of it.

    Raises:
        RegistryError: A name registered twice, a name that is not lower-case kebab, a variant of a
            system that does not exist, or a plug-in file that fails.
    """
    found: dict[str, Baseline] = {}
    origins: dict[str, str] = {}
    installed = [*_own_systems(), *_entry_point_systems()]
    known = {id(system) for _, system in installed}
    for origin, system in (*installed, *_plugin_systems(known)):
        name = system.card.name
        if not _NAME.fullmatch(name):
            raise RegistryError(
                f"{origin}: baseline name {name!r} is not lower-case words joined by '-'; rename it"
            )
        if name in found:
            raise RegistryError(
                f"baseline {name!r} is registered by {origins[name]} and by {origin}; rename one"
            )
        found[name], origins[name] = system, origin
    for name, system in found.items():
        of = system.card.variant_of
        if of is not None and of not in found:
            raise RegistryError(
                f"{origins[name]}: baseline {name!r} is a variant of {of!r}, which is not "
                f"registered{_nearest(of, found)}"
            )
    return dict(sorted((_jdrl_variants(found.values()) | found).items()))


def baseline(name: str) -> Baseline:
    """The system of that name: a registered one, or ``OBJECTIVE-NAME`` around one.

    Raises:
        RegistryError: Nobody registered that name; the message has the nearest ones.
    """
    systems = all_baselines()
    found = systems.get(name) or _wrapped_by_name(name, systems)
    if found is None:
        raise RegistryError(
            f"no baseline {name!r}{_nearest(name, systems, listed_by='defocus-bench list')}"
        )
    return found


def known_baselines(names: Iterable[str]) -> dict[str, Baseline]:
    """Those of some systems that are known here, by name; see :func:`baseline`."""
    systems = all_baselines()
    found = {name: systems.get(name) or _wrapped_by_name(name, systems) for name in names}
    return {name: system for name, system in found.items() if system is not None}


def with_objective(system: Baseline, name: str) -> Baseline:
    """A network trained with another objective, as ``OBJECTIVE-NAME``.

    Args:
        system: One that trains; with that objective already, it is given back as it is.
        name: One of :func:`objectives`. Where a system of the new name is registered, such as
            ``jdrl-unet``, it is that one.

    Raises:
        RegistryError: No objective of that name, or the system has nothing to train.
    """
    require_objective(name)
    if system.recipe is None:
        raise RegistryError(f"{system.card.name} has nothing to train with objective {name!r}")
    if system.recipe().objective == name:
        return system
    registered = all_baselines().get(wrapped_name(system, name))
    return registered or wrapped(system, system.recipe, name)


def home_package(system: Baseline) -> str:
    """Import name of the package that a system is built in; empty for a module of its own."""
    if system.source_hash:
        return ""
    if isinstance(system.build, Network):
        return system.build.package
    build = system.build.func if isinstance(system.build, partial) else system.build
    return str(build.__module__).rpartition(".")[0]


def readme(system: Baseline) -> str:
    """The README of the system's folder, Markdown; where there is none, what the card says.

    A system without a folder of its name, such as a variant, has that of where it is built.
    """
    own = f"{defocus.baselines.systems.__name__}.{system.card.name.replace('-', '_')}"
    for package in (own, home_package(system)):
        spec = (
            importlib.util.find_spec(package) if package.startswith("defocus.baselines.") else None
        )
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / "README.md"
            if path.is_file():
                return path.read_text(encoding="utf-8")
    card = system.card
    return f"# {card.display_name}\n\n{card.source}\n\n{card.follows}\n\nLicence: {card.licence}\n"


def objectives() -> tuple[str, ...]:
    """Names of the training objectives, sorted."""
    return tuple(sorted(_objective_makers()))


def require_objective(name: str) -> None:
    """Refuse a name that no objective has.

    Raises:
        RegistryError: The message has the nearest names.
    """
    _find(_objective_makers(), "objective", name)


def objective(name: str, **settings: object) -> "Objective":
    """A new training objective.

    Args:
        name: One of :func:`objectives`.
        settings: Keyword arguments of the objective's ``make``.

    Raises:
        RegistryError: No objective of that name; the message has the nearest ones.
    """
    made: Objective = _find(_objective_makers(), "objective", name)(**settings)
    return made


def flow_of(recipe: "Recipe") -> str:
    """Name of the flow estimator that a recipe's objective trains with; empty where it has none.

    An objective says so by a function ``flow_name`` beside its ``make``, with the same arguments.

    Raises:
        RegistryError: No objective of the recipe's name.
    """
    found = _find(_objective_makers(), "objective", recipe.objective).find()
    name = getattr(found, "flow_name", None)
    return str(name(**recipe.objective_settings)) if name is not None else ""


def losses() -> tuple[str, ...]:
    """Names of the losses, sorted."""
    return tuple(sorted(_loss_makers()))


def loss(name: str, **settings: object) -> "LossFunction":
    """A loss between an output and the target.

    Args:
        name: One of :func:`losses`.
        settings: Keyword arguments of the loss's ``make``.

    Raises:
        RegistryError: No loss of that name; the message has the nearest ones.
    """
    made: LossFunction = _find(_loss_makers(), "loss", name)(**settings)
    return made


def source_hashes(recipe: "Recipe") -> dict[str, str]:
    """SHA-256 of the plug-in files behind the objectives and losses that a recipe names, by name.

    Empty where all of them are of installed packages.
    """
    if not plugins():
        return {}
    makers = {"objective": _objective_makers(), "loss": _loss_makers()}
    named = _named({"objective": recipe.objective, **recipe.objective_settings})
    found = {name: makers[kind].get(name) for kind, name in named}
    return {name: maker.source_hash for name, maker in found.items() if maker and maker.source_hash}


def _named(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The objectives and losses that settings name, however deep."""
    for key, value in settings.items():
        if key in {"objective", "loss"} and isinstance(value, str):
            yield key, value
        for each in value if isinstance(value, Sequence) else (value,):
            if isinstance(each, Mapping):
                yield from _named(each)


@dataclass(frozen=True)
class _Maker:
    """What makes an objective or a loss.

    Attributes:
        origin: Where it comes from, for messages.
        find: Finds the function or class that makes it; imports it where need be.
        source_hash: Of its plug-in file, else empty.
    """

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
    for name, origin, load in entry_points_of("defocus.objectives"):
        _add(makers, "objective", name, _Maker(origin, load))
    if plugins():
        from defocus.baselines.objective import Objective

        for plugin, kind in offered_classes(Objective):
            origin = f"plug-in {plugin.path}"
            if not kind.name:
                raise RegistryError(f"{origin}: objective {kind.__name__} lacks 'name'; set it")
            maker = _Maker(origin, lambda kind=kind: kind, plugin.source_hash)  # type: ignore[misc]
            _add(makers, "objective", kind.name, maker)
    return makers


def _loss_makers() -> dict[str, _Maker]:
    makers = _modules_of(defocus.baselines.losses)
    for name, origin, load in entry_points_of("defocus.losses"):
        _add(makers, "loss", name, _Maker(origin, load))
    for plugin, one in offered(Loss):
        maker = _Maker(f"plug-in {plugin.path}", lambda one=one: one, plugin.source_hash)  # type: ignore[misc]
        _add(makers, "loss", one.name, maker)
    return makers


def _modules_of(package: ModuleType) -> dict[str, _Maker]:
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    paths = {name: f"{package.__name__}.{name}" for name in names}
    return {name: _Maker(at, partial(importlib.import_module, at)) for name, at in paths.items()}


def _add(makers: dict[str, _Maker], kind: str, name: str, maker: _Maker) -> None:
    if name in makers:
        raise RegistryError(
            f"{kind} {name!r} is defined by {makers[name].origin} and by {maker.origin}; rename one"
        )
    makers[name] = maker


def _find(makers: Mapping[str, _Maker], kind: str, name: str) -> _Maker:
    if name not in makers:
        raise RegistryError(f"no {kind} {name!r}{_nearest(name, makers)}")
    return makers[name]


def _nearest(name: str, known: Iterable[str], listed_by: str = "") -> str:
    """The end of a message: names like it, else all, or the command that lists too many."""
    hint = did_you_mean(name, known, nearness=0.4)
    if hint:
        return f"; {hint}"
    if listed_by:
        return f"; '{listed_by}' shows all"
    return f"; known are {', '.join(sorted(known))}"


def _wrapped_by_name(name: str, systems: Mapping[str, Baseline]) -> Baseline | None:
    for one in objectives():
        own = next((s for s in systems.values() if wrapped_name(s, one) == name), None)
        if own is not None and own.recipe is not None:
            return wrapped(own, own.recipe, one)
    return None


def _jdrl_variants(systems: Iterable[Baseline]) -> dict[str, Baseline]:
    """``jdrl-NAME`` of the networks that plug-in files define."""
    found = [
        wrapped(one, one.recipe, "jdrl")
        for one in systems
        if one.source_hash and one.recipe is not None and one.card.kind == "network"
    ]
    return {one.card.name: one for one in found}


def _own_systems() -> Iterator[tuple[str, Baseline]]:
    for folder in map(Path, defocus.baselines.systems.__path__):
        for file in sorted(folder.glob("*/baseline.py")):  # with or without an __init__.py
            path = f"{defocus.baselines.systems.__name__}.{file.parent.name}.baseline"
            yield from _systems_of(importlib.import_module(path), path)


def _entry_point_systems() -> Iterator[tuple[str, Baseline]]:
    for _, origin, load in entry_points_of(ENTRY_POINTS):
        if (loaded := load()) is None:
            continue
        try:
            yield from _systems_of(loaded, origin)
        except RegistryError as error:  # another's package does not end every command
            warn_once(f"{error}; it is left out")


def _plugin_systems(known: Container[int]) -> Iterator[tuple[str, Baseline]]:
    """The systems of plug-in files; an installed one was imported there, to build upon."""
    for plugin, system in offered(Baseline):
        if id(system) in known:
            continue
        name, make = system.card.name, system.recipe
        brought = replace(
            system,
            build=guarded(plugin, f"network of {name!r}", partial(_built, system.build)),
            recipe=make and guarded(plugin, f"recipe of {name!r}", partial(_recipe, make)),
            source_hash=plugin.source_hash,
        )
        yield f"plug-in {plugin.path}", brought


def _built(build: Callable[[], "nn.Module"]) -> "nn.Module":
    from torch import nn

    network = build()
    if not isinstance(network, nn.Module):
        raise TypeError(f"it gives {type(network).__name__} instead of a torch.nn.Module")
    return network


def _recipe(make: Callable[[], "Recipe"]) -> "Recipe":
    from defocus.baselines.recipe import Recipe

    recipe = make()
    if not isinstance(recipe, Recipe):
        raise TypeError(f"it gives {type(recipe).__name__} instead of a Recipe")
    return recipe


def _systems_of(loaded: object, origin: str) -> list[tuple[str, Baseline]]:
    if isinstance(loaded, ModuleType):
        loaded = getattr(loaded, "BASELINES", None)
    systems = (loaded,) if isinstance(loaded, Baseline) else loaded
    if not isinstance(systems, tuple) or not all(isinstance(s, Baseline) for s in systems):
        raise RegistryError(
            f"{origin} gives {type(loaded).__name__}; it must be a Baseline, a tuple of them, or a "
            "module with BASELINES"
        )
    return [(origin, system) for system in systems]
