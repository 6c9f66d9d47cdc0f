"""MDP's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """An MDP with fresh weights."""
    from defocus.baselines.mdp.network import MDP

    return MDP()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="mdp",
            display_name="MDP",
            kind="network",
            input="single",
            status="official",
            source="Abuolaim, Afifi, Brown, Improving Single-Image Defocus Deblurring: How "
            "Dual-Pixel Images Help Through Multi-Task Learning, WACV 2022; "
            "github.com/Abdullah-Abuolaim/multi-task-defocus-deblurring-dual-pixel-nimat at "
            "5f78f5b",
            follows="the released network (BGR inside) and its second training; pads by "
            "reflection on the right and below, where the released test pads with zeros at the "
            "top and left",
            licence="official code: Apache-2.0; weights: links, no terms of their own; ours is "
            "written anew, MIT",
            published_as="mdp",
            weights_trained_on=("dpdd",),
        ),
        build=build,
        recipe=recipe,
    ),
)
