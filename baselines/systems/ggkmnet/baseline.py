"""GGKMNet's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A GGKMNet with fresh weights."""
    from defocus.baselines.systems.ggkmnet.network import GGKMNet

    return GGKMNet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="ggkmnet",
            display_name="GGKMNet-rebuilt",
            kind="network",
            input="single",
            status="reconstruction",
            source="Quan, Wu, Xu, Ji, Gaussian Kernel Mixture Learning, TPAMI 2024, doi "
            "10.1109/TPAMI.2024.3457856; no public code",
            follows="known, from the abstract: GKMNet's mixture of Gaussians in groups that "
            "decouple its coefficients, an unrolled fixed point, a light network that goes from "
            "coarse to fine; chosen, as the text is not at hand: three groups of seven by width, "
            "gates at full and coefficients at half size, two steps per scale, all of the training",
            licence="no code at hand; ours, MIT",
        ),
        build=build,
        recipe=recipe,
    ),
)
