"""The cards of the networks designed here: a small and a medium one."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]

SMALL = ((16, 32, 64, 112), (1, 1, 1, 2), (1, 1, 1))
MEDIUM = ((24, 48, 96, 160), (1, 1, 1, 2), (1, 1, 1))


def build(
    widths: tuple[int, ...], encoder: tuple[int, ...], decoder: tuple[int, ...]
) -> "nn.Module":
    """A network with fresh weights, which gives its input."""
    from defocus.baselines.systems.defocus_own.network import DefocusUNet

    return DefocusUNet(widths, encoder, decoder)


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


MEDIUM_CARD = Card(
    name="defocus-m",
    display_name="Defocus-M",
    kind="network",
    input="single",
    status="own",
    source="designed here; no paper",
    follows="nothing: a residual U-Net of plain convolutions from half the picture's size down, "
    "chosen by its gain per second of one CPU core",
    licence="code and weights: MIT; trained on renderings of our own",
)

BASELINES = (
    Baseline(card=MEDIUM_CARD, build=partial(build, *MEDIUM), recipe=recipe),
    Baseline(
        card=replace(
            MEDIUM_CARD,
            name="defocus-s",
            display_name="Defocus-S",
            follows="as defocus-m, with fewer channels",
        ),
        build=partial(build, *SMALL),
        recipe=recipe,
    ),
)
