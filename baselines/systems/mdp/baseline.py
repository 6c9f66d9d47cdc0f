"""MDP's cards: the whole training, and its first phase."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe", "views_recipe"]

VIEWS_EPOCHS, VIEWS_RATE = 60, 3e-4


def build() -> "nn.Module":
    """An MDP with fresh weights."""
    from defocus.baselines.systems.mdp.network import MDP

    return MDP()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


def views_recipe() -> "Recipe":
    """The same for the first phase, which learns the two views from pictures without sharp ones."""
    second = recipe()
    first = {"learning_rate": VIEWS_RATE, "start": None}
    return second.model_copy(
        update={
            "objective_settings": {"phase": "views"},
            "epochs": VIEWS_EPOCHS,
            "paper": second.paper.model_copy(update=first),
        }
    )


CARD = Card(
    name="mdp",
    display_name="MDP",
    kind="network",
    input="single",
    status="official",
    source="Abuolaim, Afifi, Brown, Improving Single-Image Defocus Deblurring: How Dual-Pixel "
    "Images Help Through Multi-Task Learning, WACV 2022; "
    "github.com/Abdullah-Abuolaim/multi-task-defocus-deblurring-dual-pixel-nimat at 5f78f5b",
    follows="the released network (BGR inside) and its second training, which the paper's budget "
    "starts from mdp-views; pads by reflection on the right and below, where the released test "
    "pads with zeros at the top and left",
    licence="official code: Apache-2.0; weights: links, no terms of their own; ours is written "
    "anew, MIT",
    published_as="mdp",
    weights_trained_on=("dldp", "dpdd"),
)

BASELINES = (
    Baseline(CARD, build, recipe),
    Baseline(
        replace(
            CARD,
            name="mdp-views",
            display_name="MDP (first phase)",
            follows="the first of the two trainings: the views behind a blurry picture, which "
            "itself stands in for the sharp one; it restores nothing",
            variant_of="mdp",
            published_as=None,
            weights_trained_on=(),
        ),
        build,
        views_recipe,
    ),
)
