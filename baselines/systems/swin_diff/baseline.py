"""Swin-Diff's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A Swin-Diff with fresh weights."""
    from defocus.baselines.systems.swin_diff.network import SwinDiff

    return SwinDiff()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="swin-diff",
            display_name="Swin-Diff-rebuilt",
            kind="generative",
            input="single",
            status="reconstruction",
            source="Liang, Chai, Zhao, Kan, Complex and Intelligent Systems 11 (2025) 170, doi "
            "10.1007/s40747-025-01789-w; no public code; parts of HI-Diff, NeurIPS 2023, "
            "github.com/zhengchen1999/HI-Diff at b3bfd16",
            follows="known, from the abstract: two training stages, a diffusion that makes a prior "
            "in a compact latent space, the prior in all levels of a transformer, attention over "
            "channels and space at linear cost; chosen, as the text is not at hand: HI-Diff's "
            "encoder, diffusion (8 steps, fixed seed) and U, windows of 8 px in every second "
            "block, crops of 256 px",
            licence="no official code; paper CC BY; HI-Diff: Apache-2.0; ours is written anew, MIT",
            published_as="swin-diff",
        ),
        build=build,
        recipe=recipe,
    ),
)
