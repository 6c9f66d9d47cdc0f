"""SFNet: low and high frequencies apart, chosen by filters that depend on the picture.

SFNet's cards: means over the whole picture, or over windows when it restores."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]

GOPRO_WINDOW_PX = 80

SFNET = Baseline.of_folder(
    __name__,
    "network:SFNet",
    Card(
        name="sfnet",
        display_name="SFNet",
        kind="network",
        input="single",
        status="official",
        source="Cui et al., Selective Frequency Network for Image Restoration, ICLR 2023; "
        "github.com/c-yn/SFNet at b2d3c691",
        follows="the released network of motion deblurring; the training is ours, that of motion "
        "deblurring on defocus pictures, since theirs for defocus is not released",
        licence="official code: MIT; no defocus weights; ours is written anew, MIT",
        published_as="sfnet-single",
    ),
    narrow={"width": 8, "blocks": 2},
    zeroed=("feat_extract.5", "ConvsOut.0", "ConvsOut.1"),
)

BASELINES = (
    SFNET,
    SFNET.variant(
        "sfnet-local",
        "SFNet (local pooling)",
        network={"window_px": GOPRO_WINDOW_PX},
        follows="as sfnet in training; restores with means over windows of 5/16 of each map, as "
        "the official test for GoPro does: which window defocus pictures had is not stated",
    ),
)
