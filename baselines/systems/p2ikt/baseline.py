"""P2IKT's cards: as released, and with its slips in the order of kernels and colours mended."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]


def build(*, corrected: bool = False) -> "nn.Module":
    """A P2IKT with fresh weights."""
    from defocus.baselines.systems.p2ikt.network import P2IKT

    return P2IKT(corrected=corrected)


def recipe(*, corrected: bool = False) -> "Recipe":
    """The settings of ``recipe.toml``; corrected, LPIPS gets the range that it is meant for."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    settings = load_settings(Recipe, Path(__file__).with_name("recipe.toml"))
    if not corrected:
        return settings
    terms = [
        term | {"settings": {"normalise": True}} if term["loss"] == "lpips" else term
        for term in settings.objective_settings["terms"]
    ]
    return settings.model_copy(update={"objective_settings": {"terms": terms}})


CARD = Card(
    name="p2ikt",
    display_name="P2IKT",
    kind="network",
    input="single",
    status="official",
    source="Tang et al., Prior and Prediction Inverse Kernel Transformer, AAAI 2024; "
    "github.com/TPZZZ/P2IKT at 923d80a",
    follows="the released network, its scrambled kernels included, and the released training, "
    "with the averaging of weights at its end",
    licence="official code and weights: free for scientific and non-commercial use (README); "
    "ours is written anew, MIT",
    weights_trained_on=(UNKNOWN,),
)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="p2ikt-corrected",
            display_name="P2IKT (corrected)",
            status="paper",
            follows="the paper where the code slips: every colour meets all kernels and has a "
            "predicted one of its own, LPIPS gets its range; official weights load and mean "
            "something else",
            licence="ours is written anew, MIT",
            variant_of="p2ikt",
            weights_trained_on=(),
        ),
        build=partial(build, corrected=True),
        recipe=partial(recipe, corrected=True),
    ),
)
