"""DMENet: the defocus map of a single picture."""

from defocus.baselines.card import Card
from defocus.baselines.operators.chain_cards import with_presets

BASELINES = with_presets(
    __name__,
    Card(
        name="dmenet",
        display_name="DMENet",
        source="Lee, Lee, Cho, Lee, CVPR 2019; github.com/codeslake/DMENet at d844e5a; "
        "deconvolution: Krishnan, Fergus, NIPS 2009",
        follows="the released network (fixture dmenet passes), trained on maps, and adapted where "
        "a study names folders of real pictures; 8 blended levels of a mirrored picture, power "
        "1.5, weight 16.8; its narrow copy cannot begin at its input: the deconvolution smooths a "
        "little where the map is zero, so that a first run shows it below the blurry picture",
        licence="official code: AGPL-3.0; weights: links, no separate terms; "
        "reimplemented here, MIT",
        published_as="dmenet",
        weights_trained_on=("syndof", "cuhk", "flickr"),
    ),
    "network:DMENetDeblurring",
    narrow={"divide_channels_by": 16, "starts_sharp": True},
    own_objective=True,
)
