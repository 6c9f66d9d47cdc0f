"""AIFNet's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """An AIFNet with fresh weights."""
    from defocus.baselines.systems.aifnet.network import AIFNet

    return AIFNet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="aifnet",
            display_name="AIFNet",
            kind="network",
            input="single",
            status="official",
            source="Ruan, Chen, Li, Lam, AIFNet, IEEE TCI 2021; github.com/binorchen/AIFNET at "
            "6525b45",
            follows="the released network; pads by reflection, where the released test crops to "
            "multiples of 16; no training is published, so the recipe is ours",
            licence="official code: GPL-3.0; weights: a link, no terms of their own; ours is "
            "written anew, MIT",
            published_as="aifnet",
            weights_trained_on=(UNKNOWN,),
        ),
        build=build,
        recipe=recipe,
    ),
)
