"""Systems by name: the ``BASELINES`` of the folders of :mod:`defocus.baselines.systems` and extras.

A user's come from plug-in files, or from entry points ``defocus.baselines``."""

import importlib.util
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import defocus.baselines.losses
import defocus.baselines.objectives
import defocus.baselines.systems
from defocus.baselines.card import Baseline, Network, package_of
from defocus.baselines.objective_registry import objectives, require_objective
from defocus.baselines.scales import (
    ENDING,
    at_scales,
    names_like,
    plain_name,
    why_not_at_scales,
)
from defocus.baselines.wrapping import wrapped, wrapped_name
from defocus.errors import RegistryError
from defocus.near_names import meant
from defocus.plugins.discovery import Kind, Offer, Shape, refuse
from defocus.plugins.extensions import guarded, wrapping

if TYPE_CHECKING:  # a list of cards needs no torch
    from torch import nn

    from defocus.baselines.recipe import Recipe

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

_PACKAGED = ("defocus.baselines.", "defocus.extras.")
"""First part of the module names of the systems that come with this package."""


BASELINES: Kind[Baseline] = Kind(
    "baselines",
    Shape(lambda: Baseline, lambda system: str(system.card.name), inside="baseline"),
    defocus.baselines.systems.__name__,
    word="system",
)


def all_baselines() -> dict[str, Baseline]:
    """Every registered system by name, sorted; imports no torch."""
    # A network from a plug-in file also has a variant trained with JDRL. What an entry point brings
    # and fails is left out with a warning.
    offers = BASELINES.offers()
    systems: dict[str, Baseline] = {}
    for name, offer in offers.items():
        if _NAME.fullmatch(name):
            systems[name] = _system_of(offer)
        else:
            problem = f"baseline name {name!r} is not lower-case words joined by '-'; rename it"
            refuse(offer.origin, f"{offer.origin}: {problem}")
    for name, system in list(systems.items()):
        of = system.card.variant_of
        if of is not None and of not in systems:
            origin = offers[name].origin
            problem = (
                f"baseline {name!r} is a variant of {of!r}, which is not registered"
            )
            refuse(origin, f"{origin}: {problem}; {meant(of, sorted(systems))}")
            del systems[name]
    return dict(sorted((_jdrl_variants(systems.values()) | systems).items()))


def baseline(name: str) -> Baseline:
    """The system with that name, registered or made from a registered one."""
    # ``OBJECTIVE-NAME`` has another objective, and ``NAME@scales`` is evaluated at scales.
    systems = all_baselines()
    system = _plain_by_name(name, systems)
    if system is None:
        like = names_like(name, systems)
        raise RegistryError(BASELINES.unknown(name, like, "defocus-bench list"))
    return at_scales(system) if name.endswith(ENDING) else system


def plain_baseline(name: str) -> Baseline:
    """The system with that name, where a network is meant and not a row of results."""
    system = baseline(name)
    if system.trained_as is not None:
        raise RegistryError(
            f"{name} is a row of results, of the network {plain_name(name)}; give that name"
        )
    return system


def known_baselines(names: Iterable[str]) -> dict[str, Baseline]:
    """The known ones among some names; see :func:`baseline`."""
    systems = all_baselines()
    known = {}
    for name in names:
        system = _plain_by_name(name, systems)
        if system is None:
            continue
        if not name.endswith(ENDING):
            known[name] = system
        elif not why_not_at_scales(system):
            known[name] = at_scales(system)
    return known


def _plain_by_name(name: str, systems: Mapping[str, Baseline]) -> Baseline | None:
    plain = plain_name(name)
    return systems.get(plain) or _wrapped_by_name(plain, systems)


def with_objective(system: Baseline, name: str) -> Baseline:
    """A network trained with another objective, as ``OBJECTIVE-NAME``."""
    # A system that has the objective already, or one registered under that name, is returned
    # instead.
    require_objective(name)
    if system.recipe is None:
        raise RegistryError(
            f"{system.card.name} has nothing to train with objective {name!r}"
        )
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
    variants = {}
    for one in systems:
        trains = one.card.kind == "network" and one.recipe is not None
        if one.source_hash and trains:
            variant = wrapped(one, "jdrl")
            variants[variant.card.name] = variant
    return variants


def _system_of(offer: Offer) -> Baseline:
    """The system of an offer; one of a plug-in file has its hash, and its errors name the file."""
    system = BASELINES.value(offer)
    if offer.plugin is None:
        return system
    build = system.build
    make = system.recipe
    wrapped_build = wrapping(build, partial(_built, build))
    wrapped_recipe = make and guarded(
        offer.plugin,
        f"recipe of {offer.name!r}",
        partial(_recipe, make),
    )
    return replace(
        system,
        build=guarded(offer.plugin, f"network of {offer.name!r}", wrapped_build),
        recipe=wrapped_recipe,
        source_hash=offer.plugin.source_hash,
    )


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
