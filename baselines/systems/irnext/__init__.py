"""IRNeXt: convolutions that also see the picture at three coarser sizes.

IRNeXt's cards: 16 blocks per size, and the released class's 4."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]

RELEASED_BLOCKS = 4

IRNEXT = Baseline.of_folder(
    __name__,
    "network:IRNeXt",
    Card(
        name="irnext",
        display_name="IRNeXt",
        kind="network",
        input="single",
        status="official",
        source="Cui et al., IRNeXt: Rethinking Convolutional Network Design for Image Restoration, "
        "ICML 2023; github.com/c-yn/IRNeXt at cbb33e06",
        follows="the released network with 16 blocks per size, as SFNet has; number of blocks and "
        "training are ours, since nothing for deblurring is released",
        licence="official code: MIT; no defocus weights; ours is written anew, MIT",
    ),
    narrow={"width": 8, "blocks": 1},
    zeroed=("feat_extract.5", "ConvsOut.0", "ConvsOut.1"),
)

BASELINES = (
    IRNEXT,
    IRNEXT.variant(
        "irnext-4",
        "IRNeXt (4 blocks)",
        network={"blocks": RELEASED_BLOCKS},
        follows="the released network as published for hazy pictures: 4 blocks per size; training "
        "as irnext",
    ),
)
