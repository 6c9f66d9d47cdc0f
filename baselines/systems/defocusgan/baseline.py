"""DefocusGAN's card."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe", "recipe_of_second_stage"]

HALVED_EVERY = 30


def build() -> "nn.Module":
    """DefocusGAN's generator with fresh weights."""
    from defocus.baselines.systems.defocusgan.network import Generator

    return Generator()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


def recipe_of_second_stage() -> "Recipe":
    """The same without the first stage: the maps are the dataset's."""
    from defocus.baselines.recipe import Step

    both = recipe()
    changed = {
        "objective_settings": {"maps": "given"},
        "supervision": ("defocus_map",),
        "epochs": both.epochs - both.warmup_epochs,
        "warmup_epochs": 0,
        "decay": Step(every=HALVED_EVERY),
    }
    return both.model_copy(update=changed)


CARD = Card(
    name="defocusgan",
    display_name="DefocusGAN",
    kind="network",
    input="single",
    status="official",
    source="DefocusGAN, AAAI 2023; github.com/qylen/DefocusGAN at a238062",
    follows="the released generator (BGR inside) and its test without the defocus map; the map is "
    "learnt first, from dual-pixel views, and serves the training alone",
    licence="official code: none stated; weights: a link, no terms; ours is written anew, MIT",
    published_as="defocusgan",
    weights_trained_on=(UNKNOWN,),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="defocusgan-given-maps",
            display_name="DefocusGAN (given maps)",
            follows="as defocusgan, the second stage alone, with the defocus maps of the dataset",
            variant_of="defocusgan",
            published_as=None,
        ),
        build=build,
        recipe=recipe_of_second_stage,
    ),
)
