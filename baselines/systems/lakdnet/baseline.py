"""LaKDNet's cards: S (the base) and L, one picture or dual pixel, and the mended S."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "recipe"]

LARGE = 48
LARGE_DEMO_STEPS = 1


def build(*, dim: int = 32, dual: bool = False, corrected: bool = False) -> "nn.Module":
    """A LaKDNet with fresh weights."""
    from defocus.baselines.systems.lakdnet.network import LaKDNet

    return LaKDNet(dim=dim, dual=dual, corrected=corrected)


def recipe(*, bit_depth: Literal[8, 16] = 8, large: bool = False) -> "Recipe":
    """The settings of ``recipe.toml``; the large network's demo is shorter."""
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    settings = load_settings(Recipe, Path(__file__).with_name("recipe.toml"))
    steps = LARGE_DEMO_STEPS if large else settings.demo.steps
    demo = settings.demo.model_copy(update={"steps": steps})
    return settings.model_copy(update={"bit_depth": bit_depth, "demo": demo})


CARD = Card(
    name="lakdnet",
    display_name="LaKDNet-S",
    kind="network",
    input="single",
    status="official",
    source="Ruan et al., Revisiting Image Deblurring with an Efficient ConvNet, arXiv:2302.02234; "
    "github.com/lingyanruan/LaKDNet at 0c6b262",
    follows="the released network, its unusual residual and its clipping included; the training "
    "is ours, since theirs is not released",
    licence="official code: AGPL-3.0; weights from the project page, no separate terms; ours is "
    "written anew, MIT",
    published_as="lakdnet",
    weights_trained_on=(UNKNOWN,),
)
DUAL: tuple[str, ...] = ("dual_pixel",)

BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="lakdnet-l",
            display_name="LaKDNet-L",
            variant_of="lakdnet",
            published_as="lakdnet-large",
        ),
        build=partial(build, dim=LARGE),
        recipe=partial(recipe, large=True),
    ),
    Baseline(
        card=replace(
            CARD,
            name="lakdnet-dual",
            display_name="LaKDNet-S (dual pixel)",
            needs=DUAL,
            variant_of="lakdnet",
            published_as="lakdnet-dual",
        ),
        build=partial(build, dual=True),
        recipe=partial(recipe, bit_depth=16),
    ),
    Baseline(
        card=replace(
            CARD,
            name="lakdnet-l-dual",
            display_name="LaKDNet-L (dual pixel)",
            needs=DUAL,
            variant_of="lakdnet",
            published_as="lakdnet-large-dual",
        ),
        build=partial(build, dim=LARGE, dual=True),
        recipe=partial(recipe, bit_depth=16, large=True),
    ),
    Baseline(
        card=replace(
            CARD,
            name="lakdnet-corrected",
            display_name="LaKDNet-S (corrected)",
            status="paper",
            follows="the paper's figure: the mixer's result is kept as well as fed forward; the "
            "output is not clipped, so that every pixel teaches; official weights do not fit",
            variant_of="lakdnet",
            published_as=None,
            weights_trained_on=(),
        ),
        build=partial(build, corrected=True),
        recipe=recipe,
    ),
)
