"""PFANet's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A PFANet with fresh weights."""
    from defocus.baselines.systems.pfanet.network import PFANet

    return PFANet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="pfanet",
            display_name="PFANet-rebuilt",
            kind="network",
            input="single",
            status="reconstruction",
            source="PFANet, Frontiers in Artificial Intelligence and Applications (2024), doi "
            "10.3233/faia241382; the announced code (github.com/HMin-Z/PFANet) could not be read",
            follows="known, from the abstract: three parallel paths of convolutions of different "
            "sizes, extracted and fused progressively, and a feature attention that weighs them; "
            "chosen, as the text is not at hand: sizes 3, 5, 7, a U of four levels, gates per "
            "channel and pixel, all of the training",
            licence="no code at hand; ours, MIT",
        ),
        build=build,
        recipe=recipe,
    ),
)
