"""``NAME@scales``: the network ``NAME`` with a row for its results at several scales.

It has the weights and the training of ``NAME``, and results of its own."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from defocus.baselines.card import Baseline
from defocus.errors import RegistryError

ENDING = "@scales"
"""Suffix of the names of rows at scales. No registered name has an ``@``."""


def plain_name(name: str) -> str:
    """``NAME`` of ``NAME@scales``; any other name as it is."""
    return name.removesuffix(ENDING)


def names_like(name: str, systems: Collection[str]) -> list[str]:
    """The names that a person can have meant by one that is not known."""
    begin, at, _ = name.partition("@")
    if at and begin in systems:
        return [f"{begin}{ENDING}"]
    return list(systems)


def at_scales(own: Baseline) -> Baseline:
    """``NAME@scales`` of the network ``NAME``; a system that has no such row is refused."""
    name = own.card.name
    if reason := why_not_at_scales(own):
        raise RegistryError(f"there is no {name}{ENDING}: {name} {reason}")
    card = replace(
        own.card,
        name=f"{name}{ENDING}",
        display_name=f"{own.card.display_name} {ENDING}",
        follows=f"{name} as here, with its weights; each part of a picture is restored at 1, 1/2, "
        "1/4 or 1/8 of the size, as its estimated blur asks for",
        variant_of=name,
        published_as=None,
        at_scales=True,
    )
    return replace(own, card=card, trained_as=own.card)


def why_not_at_scales(system: Baseline) -> str:
    """Why a system has no row ``NAME@scales``, as words after its name; empty if it has one."""
    card = system.card
    if card.at_scales:
        return "is evaluated at scales already"
    if card.kind in {"reference", "classical"}:
        return "has no network"
    if card.given != "single":
        return f"takes {card.given}, and only a single picture is restored at scales"
    return ""


def with_scales(systems: Sequence[Baseline]) -> list[Baseline]:
    """Some systems, each followed by its ``NAME@scales`` if it has one that is not among them."""
    named = {system.card.name for system in systems}
    every: list[Baseline] = []
    for system in systems:
        every.append(system)
        if not why_not_at_scales(system) and f"{system.card.name}{ENDING}" not in named:
            every.append(at_scales(system))
    return every
