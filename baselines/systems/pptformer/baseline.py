"""PPTformer's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A PPTformer with fresh weights."""
    from defocus.baselines.systems.pptformer.network import PPTformer

    return PPTformer()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="pptformer",
            display_name="PPTformer (stand-in parser)",
            kind="network",
            input="single",
            status="official",
            source="PPTformer; github.com/supersupercong/PPTformer at 2c1f97d, FeMaSRNet",
            follows="the released network and configuration; pads to multiples of 4, where the "
            "released script pads to 128; its second input is a parsed (segmented) picture, whose "
            "making is not published: a stand-in is made here, regions of the blurry picture by "
            "Felzenszwalb and Huttenlocher in their mean colours",
            licence="official code: CC BY-NC-SA 4.0; no weights; ours is written anew, MIT",
        ),
        build=build,
        recipe=recipe,
    ),
)
