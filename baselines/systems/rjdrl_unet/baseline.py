"""The cards of the guided U-Net, and of its controls."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card
from defocus.baselines.jdrl_card import controls

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "CARD", "plain", "recipe"]


def build() -> "nn.Module":
    """A guided U-Net with fresh weights."""
    from defocus.baselines.systems.rjdrl_unet.network import rjdrl_unet

    return rjdrl_unet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


def plain(settings: "Recipe") -> "Recipe":
    """The same with the plain loss, for controls."""
    return settings.model_copy(update={"objective": "supervised", "warmup_epochs": 0})


def _plain_recipe() -> "Recipe":
    return plain(recipe())


CARD = Card(
    name="rjdrl-unet",
    display_name="U-Net + reblurring-guided JDRL",
    kind="objective",
    input="single",
    status="official",
    source="Reblurring-Guided Single Image Defocus Deblurring, IJCV 2025, arXiv 2409.17792; "
    "github.com/ssscrystal/Reblurring-guided-JDRL at ef90c714, deleted since",
    follows="the network and the training of that commit, whose successor is not public; masks, "
    "warp and flow as jdrl-unet; RGB, where the released test feeds BGR",
    licence="official code and weights: none stated, all rights reserved; ours is written anew, "
    "MIT",
    weights_trained_on=(UNKNOWN,),
)

GUIDED = Baseline(CARD, build, recipe)

BASELINES = (GUIDED, *controls(replace(GUIDED, recipe=_plain_recipe)))
