"""CycleGAN's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """The generator that sharpens, with fresh weights."""
    from defocus.baselines.systems.cyclegan.network import Generator

    return Generator()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="cyclegan",
            display_name="CycleGAN",
            kind="network",
            input="single",
            status="official",
            source="Zhu et al., CycleGAN, ICCV 2017; "
            "github.com/junyanz/pytorch-CycleGAN-and-pix2pix at 7891385",
            follows="the released networks (nine blocks, PatchGAN) and losses, from blurry to "
            "sharp pictures; a rival of the score-based method, whose paper does not say how it "
            "trained it; the critics' learning rate does not fall",
            licence="official code: BSD; ours is written anew, MIT",
        ),
        build=build,
        recipe=recipe,
    ),
)
