"""DPDNet's cards: one picture, or the two views of a dual-pixel sensor."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build(views: int = 1) -> "nn.Module":
    """A DPDNet with fresh weights."""
    from defocus.baselines.systems.dpdnet.network import DPDNet

    return DPDNet(views)


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


CARD = Card(
    name="dpdnet-single",
    display_name="DPDNet (single)",
    kind="network",
    input="single",
    status="official",
    source="Abuolaim and Brown, Defocus Deblurring Using Dual-Pixel Data, ECCV 2020; "
    "github.com/Abdullah-Abuolaim/defocus-deblurring-dual-pixel at 7ebf77e",
    follows="the released Keras network and training; crops anywhere in the picture where the "
    "official ones are cut beforehand and the least sharp 30 % left out; the last step's weights "
    "where the official ones are those of the lowest training loss",
    licence="official code: MIT; weights: no licence of their own; ours is written anew, MIT",
    published_as="dpdnet-single",
    weights_trained_on=("dpdd",),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="dpdnet-dual",
            display_name="DPDNet (dual pixel)",
            input="dual",
            variant_of="dpdnet-single",
            published_as="dpdnet-dual",
        ),
        build=partial(build, views=2),
        recipe=recipe,
    ),
)
