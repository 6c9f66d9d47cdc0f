"""NAFNet: convolutions and products of features, without an activation function.

NAFNet's cards: two widths."""

from defocus.baselines.card import Baseline, Card, settings

WIDE = settings(epochs=400, paper={"steps": 400_000, "batch": 64}, demo={"steps": 8})
"""Width 64 as the authors train it: twice as long, with twice the batch."""

CARD = Card(
    name="nafnet",
    display_name="NAFNet",
    source="Chen et al., Simple Baselines for Image Restoration, ECCV 2022; "
    "github.com/megvii-research/NAFNet at 2b4af71",
    follows="the released network of width 32 with the depths and the training of GoPro "
    "deblurring: nothing is published for defocus; global pooling, not the local one (TLC)",
    licence="official code: MIT, parts Apache-2.0; no defocus weights; reimplemented here, MIT",
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
        recipe=WIDE,
        follows="as nafnet, width 64",
    ),
    NAFNET.variant(
        "nafnet-w64-local",
        "NAFNet (width 64, local pooling)",
        network={"width": 64, "window_px": 384},
        recipe=WIDE,
        follows="as nafnet-w64, with means over windows of 384 px (TLC), as the authors of "
        "CLDefocus train and test it",
    ),
)
