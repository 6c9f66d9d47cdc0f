"""FSNet: SFNet whose stages at full size are small U's themselves.

FSNet's cards: means over the whole picture, or over windows."""

from defocus.baselines.card import Card
from defocus.baselines.systems.sfnet import GOPRO_WINDOW_PX, of_three_scales

FSNET = of_three_scales(
    __name__,
    "FSNet",
    Card(
        name="fsnet",
        display_name="FSNet",
        source="Cui et al., Image Restoration via Frequency Selection, IEEE TPAMI 2023; "
        "github.com/c-yn/FSNet at 139b3c4d",
        follows="the released network with means over the whole picture; the training is ours, "
        "that of motion deblurring on defocus pictures, since theirs for defocus is not released",
        licence="official code: MIT; no defocus weights stated; reimplemented here, MIT",
        published_as="fsnet",
    ),
    width=8,
    blocks=2,
)

BASELINES = (
    FSNET,
    FSNET.variant(
        "fsnet-local",
        "FSNet (local pooling)",
        network={"window_px": GOPRO_WINDOW_PX},
        follows="the released network of motion deblurring: means over windows of 5/16 of each "
        "map, in training too; training as fsnet",
    ),
)
