"""DAEformer's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A DAEformer with fresh weights."""
    from defocus.baselines.systems.daeformer.network import DAEformer

    return DAEformer()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="daeformer",
            display_name="DAEformer-rebuilt",
            kind="network",
            input="dual",
            status="reconstruction",
            source="He, Tian, Zhang, Zhang, Dual Attention Enhanced Transformer, ICIP 2024, doi "
            "10.1109/ICIP51287.2024.10648112; no public code",
            follows="known, from the abstract: self-attention over space or over channels, each "
            "with an auxiliary attention of the other kind, at different levels; dual-pixel "
            "pictures; chosen, as the text is not at hand: Restormer's U and training, windows "
            "of 8 px at the two fine levels, channels at the two coarse ones, gates as auxiliary "
            "attention",
            licence="no official code; ours, MIT",
        ),
        build=build,
        recipe=recipe,
    ),
)
