"""Systems of an ablation's lines, with the paper's printed values."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.registry import baseline
from defocus.baselines.wrapping import retrained
from defocus.benchmark.published.numbers import all_published
from defocus.errors import InputError, RegistryError
from defocus.extras.studies.ablation.ablation import Ablation, AblationLine
from defocus.extras.studies.ablation.jdrl import JDRL

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe


ABLATIONS = {"jdrl": JDRL}
"""Ablations by the name of the objective."""


def ablation_of(objective: str) -> Ablation:
    """The ablation of an objective."""
    if objective not in ABLATIONS:
        names = ", ".join(sorted(ABLATIONS))
        raise RegistryError(f"no ablation of {objective!r}; there is one of {names}")
    return ABLATIONS[objective]


def paper_psnr(ablation: Ablation, line: AblationLine) -> float | None:
    """What the paper prints for a line, dB; None if it has no such line."""
    for cell in all_published():
        where = (cell.system, cell.dataset, cell.protocol, cell.metric)
        if where == (line.published, ablation.dataset, ablation.protocol, "psnr"):
            return cell.true_value
    return None


def chosen(
    ablation: Ablation,
    line: AblationLine,
    *,
    narrow: bool,
    network: str = "",
) -> Baseline:
    """The system of a line, on request with another network, or with a ``narrow`` one."""
    system = _with_settings(baseline(line.system), line)
    if not (narrow or network) or system.recipe is None:
        return system
    from defocus.extras.studies.ablation.narrow import NarrowUNet  # loads torch

    parts = [*(["narrow"] if narrow else []), *([network] if network else [])]
    name = "-".join([system.card.name, *parts])
    card = replace(system.card, name=name, variant_of=None, published_as=None)
    whole = baseline(ablation.lines[-1].system).recipe
    recipe = partial(_narrowed, system.recipe, whole, ablation)
    build = _network(network, narrow=narrow) if network else NarrowUNet
    return replace(system, card=card, build=build, recipe=recipe, narrow=None)


def labels_of(
    lines: Sequence[AblationLine],
    systems: Sequence[Baseline],
) -> dict[str, str]:
    """Label of each line by the name of its system."""
    return {one.card.name: line.label for line, one in zip(lines, systems, strict=True)}


def _network(name: str, *, narrow: bool) -> "Callable[[], nn.Module]":
    system = baseline(name)
    alone = system.card.given == "single" and system.card.kind == "network"
    if not alone or (narrow and system.narrow is None):
        kind = "narrow copy" if narrow else "network"
        raise InputError(
            f"{name} has no {kind} that restores a picture alone; choose another --network"
        )
    return system.narrowed().build if narrow else system.build


def _with_settings(system: Baseline, line: AblationLine) -> Baseline:
    """The system with the line's own target and objective's settings, which its name then says."""
    if not (line.settings or line.target) or system.recipe is None:
        return system
    own = [f"{key}-{value}".lower() for key, value in line.settings.items()]
    own += [line.target] if line.target else []
    own = [line.variant] if line.variant else own
    name = "-".join([line.system, *own])
    card = replace(system.card, name=name, variant_of=line.system, published_as=None)
    return replace(system, card=card, recipe=partial(_changed, system.recipe, line))


def _changed(recipe: "Callable[[], Recipe]", line: AblationLine) -> "Recipe":
    own = recipe()
    settings = {**own.objective_settings, **line.settings}
    changed = retrained(own, own.objective, settings, own.warmup_epochs)
    return (
        changed.model_copy(update={"target": line.target}) if line.target else changed
    )


def _narrowed(
    recipe: "Callable[[], Recipe]",
    whole: "Callable[[], Recipe] | None",
    ablation: Ablation,
) -> "Recipe":
    """The same with the objective's small network, where the objective has one."""
    settings = recipe()
    if whole is None or settings.objective != whole().objective:
        return settings
    own = {**settings.objective_settings, **ablation.narrow_settings}
    return settings.model_copy(update={"objective_settings": own})
