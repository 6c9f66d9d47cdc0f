"""PPTformer: a transformer guided by a parsed (segmented) version of the picture."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:PPTformer",
        Card(
            name="pptformer",
            display_name="PPTformer (stand-in parser)",
            source="PPTformer; github.com/supersupercong/PPTformer at 2c1f97d, FeMaSRNet",
            follows="the released network and configuration; pads to multiples of 4, where the "
            "released script pads to 128; its second input is a parsed (segmented) picture, whose "
            "making is not published: a stand-in is made here, regions of the blurry picture by "
            "Felzenszwalb and Huttenlocher in their mean colours",
            licence="official code: CC BY-NC-SA 4.0; no weights; reimplemented here, MIT",
        ),
        narrow={
            "channels": 4,
            "blocks": (1, 1, 1),
            "units": (1, 1, 1),
            "heads": (1, 1, 2),
            "gamma": 1.0,
        },
        zeroed=("restoration_network.exit",),
    ),
)
