"""MPRNet's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """An MPRNet with fresh weights."""
    from defocus.baselines.systems.mprnet.network import MPRNet

    return MPRNet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="mprnet",
            display_name="MPRNet",
            kind="network",
            input="single",
            status="official",
            source="Zamir et al., MPRNet, CVPR 2021; github.com/swz30/MPRNet at 43feb2a",
            follows="the released network for deblurring and its training; a padding of its test "
            "script, by reflection to multiples of 8, in the network",
            licence="official code: Academic Public License, non-commercial; weights: no licence "
            "of their own; ours is written anew, MIT",
            published_as="mprnet",
            weights_trained_on=("gopro",),
        ),
        build=build,
        recipe=recipe,
    ),
)
