"""NRKNet's card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build() -> "nn.Module":
    """A NRKNet with fresh weights."""
    from defocus.baselines.systems.nrknet.network import NRKNet

    return NRKNet()


def recipe() -> "Recipe":
    """The settings of ``recipe.toml``."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    return load_settings(Recipe, Path(__file__).with_name("recipe.toml"))


BASELINES = (
    Baseline(
        card=Card(
            name="nrknet",
            display_name="NRKNet",
            kind="network",
            input="single",
            status="official",
            source="Quan et al., Neumann Network with Recursive Kernels, CVPR 2023; "
            "github.com/csZcWu/NRKNet at 90fad36",
            follows="the released network (BGR inside); the training adds the paper's reblurring "
            "loss, which the released script computes and leaves out",
            licence="official code: MIT; weights in the repository, no separate terms; ours is "
            "written anew, MIT",
            published_as="nrknet",
            weights_trained_on=("dpdd", "lfdof"),
        ),
        build=build,
        recipe=recipe,
    ),
)
