"""Cards of score-based deblurring: a reduced size for CPUs, and the full size."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]

FULL_STEPS = 32


def build(*, full: bool = False) -> "nn.Module":
    """A sampler with a fresh score network."""
    from defocus.baselines.systems.score_sde_defocus.network import ScoreSDE

    if not full:
        return ScoreSDE()
    return ScoreSDE(
        width=64, multipliers=(1, 1, 2, 2, 4), blocks=2, attending=(4,), steps=FULL_STEPS
    )


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


CARD = Card(
    name="score-sde-defocus",
    display_name="Score SDE-rebuilt",
    kind="generative",
    input="single",
    status="reconstruction",
    source="Scientific Reports 15 (2025), doi 10.1038/s41598-025-07326-6; no public code; network "
    "and sampler of github.com/yang-song/score_sde_pytorch at cb1f359",
    follows="known, from abstract and introduction: a score network that learns sharp pictures "
    "alone, reverse-time SDE with predictor and corrector; chosen, as the rest is not public: "
    "variance-exploding noise, NCSN++ of 16 channels, 4 steps from noise 0.7 on the blurry "
    "picture, ancestral predictions, a likelihood with EBDB's Gaussian blur; fixed seed, one "
    "sample",
    licence="no official code of the system; score_sde_pytorch: Apache-2.0; ours is written anew, "
    "MIT",
    published_as="score-sde-defocus",
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="score-sde-defocus-full",
            display_name="Score SDE (full size)-rebuilt",
            follows="the same with NCSN++ of 64 channels and 32 steps",
            variant_of="score-sde-defocus",
            published_as=None,
        ),
        build=partial(build, full=True),
        recipe=recipe,
    ),
)
