"""MPRNet: three stages from quadrants over halves to the whole picture."""

from defocus.baselines.card import Baseline, Card

MPRNET = Baseline.of_folder(
    __name__,
    "network:MPRNet",
    Card(
        name="mprnet",
        display_name="MPRNet",
        source="Zamir et al., MPRNet, CVPR 2021; github.com/swz30/MPRNet at 43feb2a",
        follows="the released network for deblurring and its training; a padding of its test "
        "script, by reflection to multiples of 8, in the network",
        licence="official code: Academic Public License, non-commercial; weights: no licence "
        "of their own; reimplemented here, MIT",
        published_as="mprnet",
        weights_trained_on=("gopro",),
    ),
    narrow={
        "width": 8,
        "growth": 4,
        "full_width": 8,
        "full_blocks": 1,
    },
    zeroed=("tail", "sam12.conv2", "sam23.conv2"),
)

BASELINES = (MPRNET,)
