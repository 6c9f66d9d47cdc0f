"""The U-Net's cards: trained on the pairs as captured, and two controls trained on aligned ones."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card
from defocus.baselines.jdrl_card import controls

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]

SOURCE = "Li et al., JDRL, AAAI 2023, Table 6; github.com/liyucs/JDRL at c9c420e, VGG_Deblur"
LICENCE = "official code and weights: none stated, all rights reserved; ours is written anew, MIT"


def build() -> "nn.Module":
    """A U-Net with fresh weights, in RGB order."""
    from defocus.baselines.systems.unet.network import UNet

    return UNet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


CARD = Card(
    name="unet",
    display_name="U-Net",
    kind="network",
    input="single",
    status="official",
    source=SOURCE,
    follows="the released network (its conformance fixture passes), plain Charbonnier loss; RGB "
    "where the official pipeline feeds BGR: official files are turned when they are added",
    licence=LICENCE,
    published_as="unet",
    weights_trained_on=("sdd",),
)

UNET = Baseline(card=CARD, build=build, recipe=recipe)

BASELINES = (UNET, *controls(UNET))
