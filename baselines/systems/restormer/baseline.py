"""Restormer's cards: one picture, or the two views of a dual-pixel sensor."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build(*, dual: bool = False) -> "nn.Module":
    """A Restormer with fresh weights."""
    from defocus.baselines.systems.restormer.network import Restormer

    return Restormer(dual=dual)


def recipe(bit_depth: Literal[8, 16] = 8) -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    settings = load_settings(Recipe, Path(__file__).with_name("recipe.toml"))
    return settings.model_copy(update={"bit_depth": bit_depth})


CARD = Card(
    name="restormer",
    display_name="Restormer",
    kind="network",
    input="single",
    status="official",
    source="Zamir et al., Restormer, CVPR 2022; github.com/swz30/Restormer at df766d5",
    follows="the released network and training settings; pads by reflection to multiples of 8, "
    "where the released test takes pictures that need none",
    licence="official code and weights: Academic Public License, non-commercial; ours is written "
    "anew, MIT",
    published_as="restormer-single",
    weights_trained_on=("dpdd",),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="restormer-dual",
            display_name="Restormer (dual pixel)",
            input="dual",
            variant_of="restormer",
            published_as="restormer-dual",
        ),
        build=partial(build, dual=True),
        recipe=partial(recipe, bit_depth=16),
    ),
)
