"""Systems by name: the ``BASELINES`` of the folders of :mod:`defocus.baselines.systems` and extras.

A user's come from plug-in files, or from entry points ``defocus.baselines``."""

import importlib.util
import inspect
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import defocus.baselines.losses
import defocus.baselines.objectives
import defocus.baselines.systems
from defocus.baselines.card import Baseline, Network, package_of
from defocus.baselines.objective_registry import objectives, require_objective
from defocus.baselines.wrapping import wrapped, wrapped_name
from defocus.discovery import brought, modules_in, refuse
from defocus.errors import RegistryError
from defocus.extensions import guarded, offered, wrapping
from defocus.near_names import meant

if TYPE_CHECKING:  # a list of cards needs no torch
    from torch import nn

    from defocus.baselines.recipe import Recipe

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

_PACKAGED = ("defocus.baselines.", "defocus.extras.")
"""Begin the packages of the systems that come with this one."""


def all_baselines() -> dict[str, Baseline]:
    """Every registered system by name, sorted; imports no torch."""
    # A network from a plug-in file also has a variant trained with JDRL. What an entry point brings
    # and fails is left out with a warning.
    systems: dict[str, Baseline] = {}
    origins: dict[str, str] = {}
    installed = list(_installed_systems())
    identities = {id(system) for _, system in installed}
    for origin, system in (*installed, *_plugin_systems(identities)):
        name = system.card.name
        if not _NAME.fullmatch(name):
            problem = f"baseline name {name!r} is not lower-case words joined by '-'; rename it"
            refuse(origin, f"{origin}: {problem}")
        elif name in systems:
            both = f"{origins[name]} and by {origin}"
            refuse(origin, f"baseline {name!r} is registered by {both}; rename one")
        else:
            systems[name], origins[name] = system, origin
    for name, system in list(systems.items()):
        of = system.card.variant_of
        if of is not None and of not in systems:
            problem = f"baseline {name!r} is a variant of {of!r}, which is not registered"
            refuse(origins[name], f"{origins[name]}: {problem}; {meant(of, sorted(systems))}")
            del systems[name]
    return dict(sorted((_jdrl_variants(systems.values()) | systems).items()))


def baseline(name: str) -> Baseline:
    """The system with that name: a registered one, or one with an objective, ``OBJECTIVE-NAME``."""
    systems = all_baselines()
    system = systems.get(name) or _wrapped_by_name(name, systems)
    if system is None:
        raise RegistryError(f"no system {name!r}; {meant(name, systems, 'defocus-bench list')}")
    return system


def known_baselines(names: Iterable[str]) -> dict[str, Baseline]:
    """The known ones among some names; see :func:`baseline`."""
    systems = all_baselines()
    by_name = {name: systems.get(name) or _wrapped_by_name(name, systems) for name in names}
    return {name: system for name, system in by_name.items() if system is not None}


def with_objective(system: Baseline, name: str) -> Baseline:
    """A network trained with another objective, as ``OBJECTIVE-NAME``."""
    # A system that has the objective already, or one registered under that name, is returned
    # instead.
    require_objective(name)
    if system.recipe is None:
        raise RegistryError(f"{system.card.name} has nothing to train with objective {name!r}")
    if system.recipe().objective == name:
        return system
    registered = all_baselines().get(wrapped_name(system, name))
    return registered or wrapped(system, name)


def home_package(system: Baseline) -> str:
    """Import name of the package of a system that comes with this one; empty for all others."""
    if system.source_hash:
        return ""
    if isinstance(system.build, Network):
        package = system.build.package
    else:
        build = inspect.unwrap(system.build)
        maker = build.func if isinstance(build, partial) else build
        package = package_of(str(maker.__module__))
    return package if package.startswith(_PACKAGED) else ""


def readme(system: Baseline) -> str:
    """The README of the system's or its network's folder, in Markdown; else the card's text."""
    own = f"{defocus.baselines.systems.__name__}.{system.card.name.replace('-', '_')}"
    for package in filter(None, (own, home_package(system))):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / "README.md"
            if path.is_file():
                return path.read_text(encoding="utf-8")
    card = system.card
    return f"# {card.display_name}\n\n{card.source}\n\n{card.follows}\n\nLicence: {card.licence}\n"


def _wrapped_by_name(name: str, systems: Mapping[str, Baseline]) -> Baseline | None:
    for one in objectives():
        own = next((s for s in systems.values() if wrapped_name(s, one) == name), None)
        if own is not None and own.recipe is not None:
            return wrapped(own, one)
    return None


def _jdrl_variants(systems: Iterable[Baseline]) -> dict[str, Baseline]:
    """``jdrl-NAME`` of the networks that plug-in files define."""
    variants = [
        wrapped(one, "jdrl")
        for one in systems
        if one.source_hash and one.recipe is not None and one.card.kind == "network"
    ]
    return {one.card.name: one for one in variants}


def _installed_systems() -> Iterator[tuple[str, Baseline]]:
    own = modules_in(defocus.baselines.systems.__name__, "baseline")
    for _, origin, load in (*own, *brought("baselines", "baseline")):
        if (loaded := load()) is None:
            continue
        try:
            yield from _systems_of(loaded, origin)
        except RegistryError as error:
            refuse(origin, str(error))


def _plugin_systems(identities: Container[int]) -> Iterator[tuple[str, Baseline]]:
    """The systems of plug-in files, without installed systems that a file only imports."""
    for plugin, system in offered(Baseline):
        if id(system) in identities:
            continue
        name, build, make = system.card.name, system.build, system.recipe
        brought = replace(
            system,
            build=guarded(plugin, f"network of {name!r}", wrapping(build, partial(_built, build))),
            recipe=make and guarded(plugin, f"recipe of {name!r}", partial(_recipe, make)),
            source_hash=plugin.hash_of(system),
        )
        yield f"plug-in {plugin.path}", brought


def _built(build: Callable[..., "nn.Module"], **options: object) -> "nn.Module":
    from defocus.baselines.layers.own_input import with_own_input

    return with_own_input(
        build.given(options)() if isinstance(build, Network) else build(**options)
    )


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
