"""Systems of an ablation's lines, with the paper's printed values."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from defocus.baselines.ablation import Ablation, AblationLine
from defocus.baselines.card import Baseline
from defocus.baselines.registry import baseline
from defocus.benchmark.published.numbers import all_published

if TYPE_CHECKING:
    from defocus.baselines.recipes.recipe import Recipe

__all__ = ["chosen", "paper_psnr"]

NARROW = "-narrow"


def paper_psnr(ablation: Ablation, line: AblationLine) -> float | None:
    """What the paper prints for a line, dB; None if it has no such line."""
    for cell in all_published():
        where = (cell.system, cell.dataset, cell.protocol, cell.metric)
        if where == (line.published, ablation.dataset, ablation.protocol, "psnr"):
            return cell.true_value
    return None


def chosen(ablation: Ablation, line: AblationLine, *, narrow: bool) -> Baseline:
    """The system of a line, on request with the small networks of a CPU's measurement."""
    system = _with_settings(baseline(line.system), line)
    if not narrow or system.recipe is None:
        return system
    from defocus.benchmark.experiments.ablation.narrow import NarrowUNet  # loads torch

    card = replace(system.card, name=system.card.name + NARROW, variant_of=None, published_as=None)
    plain = baseline(ablation.lines[0].system).recipe
    recipe = partial(_narrowed, system.recipe, plain, ablation)
    return replace(system, card=card, build=NarrowUNet, recipe=recipe)


def _with_settings(system: Baseline, line: AblationLine) -> Baseline:
    """The system with the line's own settings of the objective, which its name then says."""
    if not line.settings or system.recipe is None:
        return system
    name = "-".join([line.system, *(f"{key}-{value}" for key, value in line.settings.items())])
    card = replace(system.card, name=name, variant_of=line.system, published_as=None)
    return replace(system, card=card, recipe=partial(_changed, system.recipe, line.settings))


def _changed(recipe: "Callable[[], Recipe]", settings: Mapping[str, object]) -> "Recipe":
    own = recipe()
    update = {"objective_settings": {**own.objective_settings, **settings}}
    return own.model_copy(update=update)


def _narrowed(
    recipe: "Callable[[], Recipe]", plain: "Callable[[], Recipe] | None", ablation: Ablation
) -> "Recipe":
    """The same with the objective's small network, where the objective is not the plain one."""
    settings = recipe()
    if plain is None or settings.objective == plain().objective:
        return settings
    own = {**settings.objective_settings, **ablation.narrow_settings}
    return settings.model_copy(update={"objective_settings": own})
