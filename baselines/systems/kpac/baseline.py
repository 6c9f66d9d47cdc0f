"""KPAC's cards: three levels, two levels, dual-pixel input."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build(levels: int = 3, *, dual: bool = False) -> "nn.Module":
    """A KPAC with fresh weights."""
    from defocus.baselines.systems.kpac.network import KPAC

    return KPAC(levels, dual=dual)


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


CARD = Card(
    name="kpac",
    display_name="KPAC",
    kind="network",
    input="single",
    status="official",
    source="Son et al., KPAC, ICCV 2021; github.com/HyeongseokSon1/KPAC at 8603ec3",
    follows="the released graph with three levels; its training was not released: optimiser and "
    "batch as its settings file has them, L1 and VGG features, their weights, length and crop ours",
    licence="official code and weights: AGPL-3.0; ours is written anew, MIT",
    published_as="kpac",
    weights_trained_on=("dpdd",),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="kpac-2level",
            display_name="KPAC (2 levels)",
            variant_of="kpac",
            published_as=None,
        ),
        build=partial(build, 2),
        recipe=recipe,
    ),
    Baseline(
        card=replace(
            CARD,
            name="kpac-dual",
            display_name="KPAC (dual pixel)",
            needs=("dual_pixel",),
            variant_of="kpac",
            published_as=None,
        ),
        build=partial(build, dual=True),
        recipe=recipe,
    ),
)
