"""FFDNet's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A FFDNet with fresh weights."""
    from defocus.baselines.systems.ffdnet.network import FFDNet

    return FFDNet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="ffdnet",
            display_name="FFDNet",
            kind="network",
            input="single",
            status="official",
            source="Zhang et al., FFDNet, TIP 2018; github.com/cszn/KAIR at fc1732f",
            follows="the released denoiser for colour and its schedule; trained on pairs of blurry "
            "and sharp pictures and always told a noise of 15/255, as a rival of the score-based "
            "method, whose paper does not say how it trained it",
            licence="official code and weights: MIT; ours is written anew, MIT",
        ),
        build=build,
        recipe=recipe,
    ),
)
