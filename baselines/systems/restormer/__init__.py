"""Restormer: attention between channels, in a U of four levels.

Restormer's cards: one picture, or the two views of a dual-pixel sensor."""

from defocus.baselines.card import Baseline, Card, settings

CARD = Card(
    name="restormer",
    display_name="Restormer",
    source="Zamir et al., Restormer, CVPR 2022; github.com/swz30/Restormer at df766d5",
    follows="the released network and training settings; pads by reflection to multiples of 8, "
    "where the released test takes pictures that need none",
    licence="official code and weights: Academic Public License, non-commercial; "
    "reimplemented here, MIT",
    published_as="restormer-single",
    weights_trained_on=("dpdd",),
)
RESTORMER = Baseline.of_folder(
    __name__,
    "network:Restormer",
    CARD,
    narrow={
        "dim": 8,
        "blocks": (1, 1, 1, 1),
        "refinement": 1,
        "heads": (1, 1, 2, 2),
    },
    zeroed=("output",),
)

BASELINES = (
    RESTORMER,
    RESTORMER.variant(
        "restormer-dual",
        "Restormer (dual pixel)",
        network={"dual": True},
        recipe=settings(bit_depth=16),
        input="dual",
        published_as="restormer-dual",
    ),
)
