"""DnCNN's cards: with batch normalisation, or in the shape of the released weights."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build(*, blind: bool = False) -> "nn.Module":
    """A DnCNN with fresh weights."""
    from defocus.baselines.systems.dncnn.network import DnCNN

    return DnCNN(depth=20, normalised=False) if blind else DnCNN()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


CARD = Card(
    name="dncnn",
    display_name="DnCNN",
    kind="network",
    input="single",
    status="official",
    source="Zhang et al., Beyond a Gaussian Denoiser, TIP 2017; github.com/cszn/KAIR at fc1732f",
    follows="the released denoiser and its schedule; trained on pairs of blurry and sharp "
    "pictures, as a rival of the score-based method, whose paper does not say how it trained it",
    licence="official code and weights: MIT; ours is written anew, MIT",
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="dncnn-blind",
            display_name="DnCNN (blind)",
            follows="the released blind denoiser for colour, 20 convolutions without batch "
            "normalisation; its weights remove noise, not blur",
            variant_of="dncnn",
        ),
        build=partial(build, blind=True),
        recipe=recipe,
    ),
)
