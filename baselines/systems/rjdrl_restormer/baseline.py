"""The cards of the guided Restormer, and of its controls."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.jdrl_card import controls
from defocus.baselines.systems.rjdrl_unet.baseline import CARD, plain

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "recipe"]


def build() -> "nn.Module":
    """A guided Restormer with fresh weights."""
    from defocus.baselines.systems.rjdrl_restormer.network import rjdrl_restormer

    return rjdrl_restormer()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


def _plain_recipe() -> "Recipe":
    return plain(recipe())


GUIDED = Baseline(
    replace(
        CARD,
        name="rjdrl-restormer",
        display_name="Restormer + reblurring-guided JDRL",
        follows="the network and the training of that commit, whose successor is not public; "
        "masks, warp and flow as jdrl-unet",
        licence="official code and weights: none stated, Restormer's part non-commercial; ours is "
        "written anew, MIT",
    ),
    build,
    recipe,
)

BASELINES = (GUIDED, *controls(replace(GUIDED, recipe=_plain_recipe)))
