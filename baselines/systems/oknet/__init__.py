"""OKNet: kernels of 63 px and products with the spectrum at the coarsest size.

OKNet's cards: 16 blocks per size, and the released class's 4."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]

RELEASED_BLOCKS = 4

OKNET = Baseline.of_folder(
    __name__,
    "network:OKNet",
    Card(
        name="oknet",
        display_name="OKNet",
        kind="network",
        input="single",
        status="official",
        source="Cui et al., Omni-Kernel Network for Image Restoration, "
        "AAAI 2024; github.com/c-yn/OKNet at 159cbc1b",
        follows="the released network with 16 blocks per size, as SFNet has; number of blocks and "
        "training are ours, since nothing for deblurring is released",
        licence="official code: MIT; no defocus weights; ours is written anew, MIT",
    ),
    narrow={"width": 6, "blocks": 2},
    zeroed=("feat_extract.5", "ConvsOut.0", "ConvsOut.1"),
)

BASELINES = (
    OKNET,
    OKNET.variant(
        "oknet-4",
        "OKNet (4 blocks)",
        network={"blocks": RELEASED_BLOCKS},
        follows="the released network as published for hazy pictures: 4 blocks per size; training "
        "as oknet",
    ),
)
