"""Uformer-B's cards: either shift of the bottleneck, and any rectangle instead of a square."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build(*, nominal_px: int = 256, square: bool = True) -> "nn.Module":
    """A Uformer-B with fresh weights."""
    from defocus.baselines.systems.uformer_b.network import Uformer

    return Uformer(nominal_px=nominal_px, square=square)


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


CARD = Card(
    name="uformer-b",
    display_name="Uformer-B",
    kind="network",
    input="single",
    status="official",
    source="Wang et al., Uformer, CVPR 2022; github.com/ZhendongWang6/Uformer at 65fc970",
    follows="the released network as it is trained (patches of 256 px), and the released padding "
    "to a black square; the training is that for motion blur: none for defocus is released",
    licence="official code: MIT; weights for motion blur and noise, no separate terms; ours is "
    "written anew, MIT",
    published_as="uformer-b",
    weights_trained_on=("gopro", "sidd"),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="uformer-b-ps128",
            display_name="Uformer-B (as tested)",
            follows="as uformer-b, but without the shifted windows in the bottleneck, as the "
            "released test script builds it (patches of 128 px)",
            variant_of="uformer-b",
            published_as=None,
        ),
        build=partial(build, nominal_px=128),
        recipe=recipe,
    ),
    Baseline(
        card=replace(
            CARD,
            name="uformer-b-corrected",
            display_name="Uformer-B (corrected)",
            follows="as uformer-b, but pictures are reflected to multiples of 128 px, not put on a "
            "black square; official weights fit",
            variant_of="uformer-b",
            published_as=None,
        ),
        build=partial(build, square=False),
        recipe=recipe,
    ),
)
