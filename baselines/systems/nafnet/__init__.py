"""NAFNet: convolutions and products of features, without an activation function.

NAFNet's cards: two widths."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "NAFNET"]

WIDE_PAPER_THOUSANDS = 400
WIDE_PAPER_BATCH = 64
WIDE_DEMO_STEPS = 8


def _wide(narrow: "Recipe") -> "Recipe":
    """Width 64 as the authors train it: twice as long, with twice the batch."""
    paper = {"steps": 1000 * WIDE_PAPER_THOUSANDS, "batch": WIDE_PAPER_BATCH}
    return narrow.model_copy(
        update={
            "epochs": WIDE_PAPER_THOUSANDS,
            "paper": narrow.paper.model_copy(update=paper),
            "demo": narrow.demo.model_copy(update={"steps": WIDE_DEMO_STEPS}),
        }
    )


CARD = Card(
    name="nafnet",
    display_name="NAFNet",
    kind="network",
    input="single",
    status="official",
    source="Chen et al., Simple Baselines for Image Restoration, ECCV 2022; "
    "github.com/megvii-research/NAFNet at 2b4af71",
    follows="the released network of width 32 with the depths and the training of GoPro "
    "deblurring: nothing is published for defocus; global pooling, not the local one (TLC)",
    licence="official code: MIT, parts Apache-2.0; no defocus weights; ours is written anew, MIT",
    published_as="nafnet",
)
NAFNET = Baseline.of_folder(
    __name__,
    "network:NAFNet",
    CARD,
    narrow={
        "width": 12,
        "encoder_blocks": (1, 1, 1),
        "middle_blocks": 1,
        "decoder_blocks": (1, 1, 1),
    },
    zeroed=("ending",),
)

BASELINES = (
    NAFNET,
    NAFNET.variant(
        "nafnet-w64",
        "NAFNet (width 64)",
        network={"width": 64},
        recipe=_wide,
        follows="as nafnet, width 64",
    ),
)
