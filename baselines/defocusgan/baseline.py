"""DefocusGAN's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """DefocusGAN's generator with fresh weights."""
    from defocus.baselines.defocusgan.network import Generator

    return Generator()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="defocusgan",
            display_name="DefocusGAN",
            kind="network",
            input="single",
            status="official",
            source="DefocusGAN, AAAI 2023; github.com/qylen/DefocusGAN at a238062",
            follows="the released generator (BGR inside) and its test without the defocus map; "
            "the map serves the training alone",
            licence="official code: none stated; weights: a link, no terms; ours is written "
            "anew, MIT",
            published_as="defocusgan",
            weights_trained_on=(UNKNOWN,),
        ),
        build=build,
        recipe=recipe,
    ),
)
