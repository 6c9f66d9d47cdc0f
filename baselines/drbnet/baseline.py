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


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


CARD = Card(
    name="drbnet",
    display_name="DRBNet",
    kind="network",
    input="single",
    status="official",
    source="Ruan et al., DRBNet, CVPR 2022; github.com/lingyanruan/DRBNet at 0fa89a5",
    follows="the released network; training was not released: first stage as for drbnet-dpdd-only",
    licence="official code and weights: AGPL-3.0; ours is written anew, MIT",
    published_as="drbnet",
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
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
