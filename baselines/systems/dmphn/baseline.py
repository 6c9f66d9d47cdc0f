"""DMPHN's cards: one stage of two depths, and stacks of two to four stages."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "build", "build_stack", "recipe"]

EPOCHS_1_2_4 = 2400
EPOCHS_STACK = 3000
STACKS = (2, 3, 4)


def build(levels: int = 4) -> "nn.Module":
    """A DMPHN of one stage with fresh weights."""
    from defocus.baselines.systems.dmphn.network import DMPHN

    return DMPHN(levels)


def build_stack(stages: int) -> "nn.Module":
    """A DMPHN of several stages with fresh weights."""
    from defocus.baselines.systems.dmphn.network import StackedDMPHN

    return StackedDMPHN(stages)


def recipe(epochs: int | None = None, outputs: tuple[str, ...] = ("restored",)) -> "Recipe":
    """The settings of ``recipe.toml``.

    Args:
        epochs: Of another length of training.
        outputs: Which pictures of the network are supervised.
    """
    from defocus.baselines.recipe import Recipe
    from defocus.settings import load_settings

    settings = load_settings(Recipe, Path(__file__).with_name("recipe.toml"))
    terms = [{"loss": "l2", "of": output} for output in outputs]
    update = {"epochs": epochs or settings.epochs, "objective_settings": {"terms": terms}}
    return settings.model_copy(update=update)


CARD = Card(
    name="dmphn",
    display_name="DMPHN (1-2-4-8)",
    kind="network",
    input="single",
    status="official",
    source="Zhang et al., DMPHN, CVPR 2019; github.com/HongguangZhang/DMPHN-cvpr19-master at "
    "9fff261",
    follows="the wiring of the released scripts, one optimiser for all parts where they have one "
    "per part (equal for Adam)",
    licence="official code and weights: none stated, all rights reserved; ours is written anew, "
    "MIT",
    published_as="dmphn",
    weights_trained_on=("gopro",),
)


def _stack(stages: int) -> Baseline:
    outputs = tuple(f"stage{stage}" for stage in range(1, stages + 1))
    return Baseline(
        card=replace(
            CARD,
            name=f"dmphn-stack{stages}",
            display_name=f"DMPHN (stack of {stages})",
            variant_of="dmphn",
            published_as=None,
        ),
        build=partial(build_stack, stages),
        recipe=partial(recipe, EPOCHS_STACK, outputs),
    )


BASELINES = (
    Baseline(card=CARD, build=build, recipe=recipe),
    Baseline(
        card=replace(
            CARD,
            name="dmphn-1-2-4",
            display_name="DMPHN (1-2-4)",
            variant_of="dmphn",
            published_as=None,
        ),
        build=partial(build, 3),
        recipe=partial(recipe, EPOCHS_1_2_4),
    ),
    *(_stack(stages) for stages in STACKS),
)
