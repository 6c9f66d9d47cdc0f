"""CMDDNet's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A CMDDNet with fresh weights."""
    from defocus.baselines.systems.cmddnet.network import CMDDNet

    return CMDDNet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="cmddnet",
            display_name="CMDDNet-rebuilt",
            kind="network",
            input="single",
            status="reconstruction",
            source="Dual-Branch CNN-Mamba Method for Image Defocus Deblurring, Applied Sciences 15 "
            "(2025) 3173, doi 10.3390/app15063173; no public code",
            follows="known, from the abstract: a branch of convolutions for detail beside a Mamba "
            "branch for what lies far apart, no kernels, 9.74 M parameters; chosen, as the text is "
            "not at hand: a U of four levels, gated convolutions, scans in four directions at a "
            "quarter of the size, counts of blocks that meet the printed size (9,741,731), all of "
            "the training",
            licence="no official code; paper CC BY; ours, MIT",
            published_as="cmddnet",
        ),
        build=build,
        recipe=recipe,
    ),
)
