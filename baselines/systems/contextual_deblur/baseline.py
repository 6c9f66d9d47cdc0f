"""ContextualDeblur's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A ContextualDeblur with fresh weights."""
    from defocus.baselines.systems.contextual_deblur.network import ContextualDeblur

    return ContextualDeblur()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="contextual-deblur",
            display_name="ContextualDeblur (ViTDeblur)",
            kind="network",
            input="single",
            status="official",
            source="Liang et al., ViTDeblur: A Hierarchical Model for Defocus Deblurring, IEEE "
            "TCI 2024; github.com/erfect2020/ContextualDeblur at 37d8ad5",
            follows="the released network with its tiles (BGR inside); a picture below 320 px "
            "makes smaller tiles, where the released test enlarges it; the released training "
            "cannot be run, ours fills what it leaves open",
            licence="official code: Apache-2.0, parts of MAE CC BY-NC 4.0; weights: a link, no "
            "terms; ours is written anew, MIT",
            published_as="contextual-deblur",
            weights_trained_on=(UNKNOWN,),
        ),
        build=build,
        recipe=recipe,
    ),
)
