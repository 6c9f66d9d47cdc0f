"""P2IKT's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A P2IKT with fresh weights."""
    from defocus.baselines.p2ikt.network import P2IKT

    return P2IKT()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="p2ikt",
            display_name="P2IKT",
            kind="network",
            input="single",
            status="official",
            source="Tang et al., Prior and Prediction Inverse Kernel Transformer, AAAI 2024; "
            "github.com/TPZZZ/P2IKT at 923d80a",
            follows="the released network, its scrambled kernels included, and the released "
            "training without the averaging of weights at its end",
            licence="official code and weights: free for scientific and non-commercial use "
            "(README); ours is written anew, MIT",
            weights_trained_on=("dpdd",),
        ),
        build=build,
        recipe=recipe,
    ),
)
