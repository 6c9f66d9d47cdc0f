"""DRBNet's cards: trained in two stages, in one, and with dual-pixel input."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build(*, dual: bool = False) -> "nn.Module":
    """A DRBNet with fresh weights."""
    from defocus.baselines.systems.drbnet.network import DRBNet

    return DRBNet(dual=dual)


def recipe(*, second_stage: bool = True) -> "Recipe":
    """The settings of ``recipe.toml``; or those of the first stage, which needs no other.

    Args:
        second_stage: Whether features count, and the paper's budget starts from the weights of a
            first stage.
    """
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    settings = load_settings(Recipe, Path(__file__).with_name("recipe.toml"))
    if second_stage:
        return settings
    update = {
        "objective_settings": {"terms": settings.objective_settings["terms"][:1]},
        "paper": settings.paper.model_copy(update={"start": None}),
    }
    return settings.model_copy(update=update)


CARD = Card(
    name="drbnet",
    display_name="DRBNet",
    kind="network",
    input="single",
    status="official",
    source="Ruan et al., DRBNet, CVPR 2022; github.com/lingyanruan/DRBNet at 0fa89a5",
    follows="the released network; its training was not released: L1 and VGG features, in the "
    "paper's budget from weights labelled 'lfdof', which drbnet-dpdd-only trained on LFDOF gives",
    licence="official code and weights: AGPL-3.0; ours is written anew, MIT",
    published_as="drbnet",
    weights_trained_on=("lfdof", "dpdd"),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="drbnet-dpdd-only",
            display_name="DRBNet (one stage)",
            follows="the released network trained in one stage with L1, as the paper's line "
            "without light fields; on LFDOF, it is the first stage of drbnet",
            variant_of="drbnet",
            published_as="drbnet-dpdd-only",
            weights_trained_on=("dpdd",),
        ),
        build=build,
        recipe=partial(recipe, second_stage=False),
    ),
    Baseline(
        card=replace(
            CARD,
            name="drbnet-dual",
            display_name="DRBNet (dual pixel)",
            needs=("dual_pixel",),
            variant_of="drbnet",
            published_as=None,
        ),
        build=partial(build, dual=True),
        recipe=recipe,
    ),
)
