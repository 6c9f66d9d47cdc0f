"""GKMNet's cards: the first repository's network, and the updated one's."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe", "updated_recipe"]

UPDATED_EPOCHS = 3000


def build(grouping: Literal["released", "updated"] = "released") -> "nn.Module":
    """A GKMNet with fresh weights."""
    from defocus.baselines.systems.gkmnet.network import GKMNet

    return GKMNet(grouping)


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


def updated_recipe() -> "Recipe":
    """The same for the updated network, which trains for 3000 epochs at one learning rate."""
    from defocus.baselines.recipe import Constant

    return recipe().model_copy(update={"epochs": UPDATED_EPOCHS, "decay": Constant()})


CARD = Card(
    name="gkmnet",
    display_name="GKMNet",
    kind="network",
    input="single",
    status="official",
    source="Quan et al., Gaussian Kernel Mixture Network, NeurIPS 2021; github.com/csZcWu/GKMNet "
    "at 05304e5",
    follows="the released network, whose colours see different thirds of the kernels: its "
    "weights need that; pyramids are antialiased as the released loader's",
    licence="official code and weights: none stated, all rights reserved; ours is written anew, "
    "MIT",
    published_as="gkmnet",
    weights_trained_on=(UNKNOWN,),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="gkmnet-updating",
            display_name="GKMNet (updated)",
            source="Quan et al., Gaussian Kernel Mixture Network, NeurIPS 2021; "
            "github.com/csZcWu/GKMNet_updating at 3830ec1",
            follows="the authors' second repository: every colour sees every kernel, reflection "
            "at the border; weights of gkmnet have the same shapes but another meaning",
            variant_of="gkmnet",
            published_as=None,
            weights_trained_on=(),
        ),
        build=partial(build, "updated"),
        recipe=updated_recipe,
    ),
)
