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
    from defocus.baselines.drbnet.network import DRBNet

    return DRBNet(dual=dual)


def recipe(*, two_stages: bool = True) -> "Recipe":
    """The settings of ``recipe.toml``; in one stage without the second one's feature loss."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    settings = load_settings(Recipe, Path(__file__).with_name("recipe.toml"))
    if two_stages:
        return settings
    terms = [term for term in settings.objective_settings["terms"] if "from_epoch" not in term]
    return settings.model_copy(update={"objective_settings": {"terms": terms}})


CARD = Card(
    name="drbnet",
    display_name="DRBNet",
    kind="network",
    input="single",
    status="official",
    source="Ruan et al., DRBNet, CVPR 2022; github.com/lingyanruan/DRBNet at 0fa89a5",
    follows="the released network; its training was not released: L1, then VGG features beside "
    "it; the authors' first stage is on LFDOF and the second on DPDD, a run here is on one set",
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
            "without light fields",
            variant_of="drbnet",
            published_as="drbnet-dpdd-only",
            weights_trained_on=("dpdd",),
        ),
        build=build,
        recipe=partial(recipe, two_stages=False),
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
