"""NAFNet's cards: two widths."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe", "wide_recipe"]

WIDE_PAPER_THOUSANDS = 400
WIDE_PAPER_BATCH = 64
WIDE_DEMO_STEPS = 8


def build(width: int = 32) -> "nn.Module":
    """A NAFNet with fresh weights."""
    from defocus.baselines.systems.nafnet.network import NAFNet

    return NAFNet(width=width)


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


def wide_recipe() -> "Recipe":
    """The same for width 64, as the authors train it: twice as long, with twice the batch."""
    narrow = recipe()
    paper = {"steps": 1000 * WIDE_PAPER_THOUSANDS, "batch": WIDE_PAPER_BATCH}
    return narrow.model_copy(
        update={
            "epochs": WIDE_PAPER_THOUSANDS,
            "paper": narrow.paper.model_copy(update=paper),
            "demo": narrow.demo.model_copy(update={"steps": WIDE_DEMO_STEPS}),
        }
    )


CARD = Card(
    name="nafnet",
    display_name="NAFNet",
    kind="network",
    input="single",
    status="official",
    source="Chen et al., Simple Baselines for Image Restoration, ECCV 2022; "
    "github.com/megvii-research/NAFNet at 2b4af71",
    follows="the released network of width 32 with the depths and the training of GoPro "
    "deblurring: nothing is published for defocus; global pooling, not the local one (TLC)",
    licence="official code: MIT, parts Apache-2.0; no defocus weights; ours is written anew, MIT",
    published_as="nafnet",
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="nafnet-w64",
            display_name="NAFNet (width 64)",
            follows="as nafnet, width 64",
            variant_of="nafnet",
            published_as=None,
        ),
        build=partial(build, 64),
        recipe=wide_recipe,
    ),
)
