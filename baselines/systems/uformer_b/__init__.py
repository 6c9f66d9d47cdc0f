"""Uformer-B: attention within windows, in a U of five levels.

Uformer-B's cards: either shift of the bottleneck, and any rectangle instead of a square."""

from defocus.baselines.card import Baseline, Card

CARD = Card(
    name="uformer-b",
    display_name="Uformer-B",
    source="Wang et al., Uformer, CVPR 2022; github.com/ZhendongWang6/Uformer at 65fc970",
    follows="the released network as it is trained (patches of 256 px), and the released padding "
    "to a black square; the training is that for motion blur: none for defocus is released",
    licence="official code: MIT; weights for motion blur and noise, no separate terms; "
    "reimplemented here, MIT",
    published_as="uformer-b",
    weights_trained_on=("gopro", "sidd"),
)
UFORMER = Baseline.of_folder(
    __name__,
    "network:Uformer",
    CARD,
    narrow={
        "dim": 12,
        "depths": (1, 1, 1, 1, 1),
        "heads": (1, 2, 4, 2, 1),
    },
    zeroed=("output_proj",),
)

BASELINES = (
    UFORMER,
    UFORMER.variant(
        "uformer-b-ps128",
        "Uformer-B (as tested)",
        network={"nominal_px": 128},
        follows="as uformer-b, but without the shifted windows in the bottleneck, as the "
        "released test script builds it (patches of 128 px)",
    ),
    UFORMER.variant(
        "uformer-b-corrected",
        "Uformer-B (corrected)",
        network={"square": False},
        follows="as uformer-b, but pictures are reflected to multiples of 128 px, not put on a "
        "black square; official weights fit",
    ),
)
