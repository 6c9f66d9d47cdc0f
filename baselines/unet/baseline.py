"""The U-Net's cards: trained on the pairs as captured, and two controls trained on aligned ones."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]

SOURCE = "Li et al., JDRL, AAAI 2023, Table 6; github.com/liyucs/JDRL at c9c420e, VGG_Deblur"
LICENCE = "official code and weights: none stated, all rights reserved; ours is written anew, MIT"


def build() -> "nn.Module":
    """A U-Net with fresh weights, in RGB order."""
    from defocus.baselines.unet.network import UNet

    return UNet()


def recipe(target: Literal["sharp", "prealigned", "truth"] = "sharp") -> "Recipe":
    """The settings of ``recipe.toml``, with the given target."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    settings = load_settings(Recipe, Path(__file__).with_name("recipe.toml"))
    return settings.model_copy(update={"target": target})


CARD = Card(
    name="unet",
    display_name="U-Net",
    kind="network",
    input="single",
    status="official",
    source=SOURCE,
    follows="the released network (its conformance fixture passes), plain Charbonnier loss; RGB "
    "where the official pipeline feeds BGR: official weights need UNet(colour_order='bgr')",
    licence=LICENCE,
    published_as="unet",
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="unet-prealigned",
            display_name="U-Net (pre-aligned pairs)",
            follows="the same network and loss; the sharp picture is registered onto the blurry "
            "one before training",
            variant_of="unet",
            published_as=None,
        ),
        build=build,
        recipe=partial(recipe, "prealigned"),
    ),
    Baseline(
        card=replace(
            CARD,
            name="unet-truth",
            display_name="U-Net (truly aligned pairs)",
            follows="the same network and loss on the true aligned sharp picture of rendered data",
            variant_of="unet",
            published_as=None,
        ),
        build=build,
        recipe=partial(recipe, "truth"),
    ),
)
