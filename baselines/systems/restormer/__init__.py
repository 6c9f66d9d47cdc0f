"""Restormer: attention between channels, in a U of four levels.

Restormer's cards: one picture, or the two views of a dual-pixel sensor."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES"]


def _deep(single: "Recipe") -> "Recipe":
    """Dual-pixel pictures keep their 16 bits."""
    return single.model_copy(update={"bit_depth": 16})


CARD = Card(
    name="restormer",
    display_name="Restormer",
    kind="network",
    input="single",
    status="official",
    source="Zamir et al., Restormer, CVPR 2022; github.com/swz30/Restormer at df766d5",
    follows="the released network and training settings; pads by reflection to multiples of 8, "
    "where the released test takes pictures that need none",
    licence="official code and weights: Academic Public License, non-commercial; ours is written "
    "anew, MIT",
    published_as="restormer-single",
    weights_trained_on=("dpdd",),
)
RESTORMER = Baseline.of_folder(
    __name__,
    "network:Restormer",
    CARD,
    narrow={"dim": 8, "blocks": (1, 1, 1, 1), "refinement": 1, "heads": (1, 1, 2, 2)},
    zeroed=("output",),
)

BASELINES = (
    RESTORMER,
    RESTORMER.variant(
        "restormer-dual",
        "Restormer (dual pixel)",
        network={"dual": True},
        recipe=_deep,
        input="dual",
        published_as="restormer-dual",
    ),
)
