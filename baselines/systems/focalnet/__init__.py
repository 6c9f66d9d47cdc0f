"""FocalNet: two paths at full size, and attention to where and how a picture is degraded.

FocalNet's cards: 16 blocks per size, and the released class's 4."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]

RELEASED_BLOCKS = 4

FOCALNET = Baseline.of_folder(
    __name__,
    "network:FocalNet",
    Card(
        name="focalnet",
        display_name="FocalNet",
        kind="network",
        input="single",
        status="official",
        source="Cui et al., Focal Network for Image Restoration, "
        "ICCV 2023; github.com/c-yn/FocalNet at b0460a87",
        follows="the released network with 16 blocks per size, as SFNet has; number of blocks and "
        "training are ours, since nothing for deblurring is released",
        licence="official code: MIT; no defocus weights; ours is written anew, MIT",
    ),
    narrow={"width": 8, "blocks": 2},
    zeroed=("feat_extract.5", "ConvsOut.0", "ConvsOut.1"),
)

BASELINES = (
    FOCALNET,
    FOCALNET.variant(
        "focalnet-4",
        "FocalNet (4 blocks)",
        network={"blocks": RELEASED_BLOCKS},
        follows="the released network as published for hazy pictures: 4 blocks per size; training "
        "as focalnet",
    ),
)
