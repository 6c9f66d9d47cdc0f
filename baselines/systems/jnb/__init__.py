"""JNB: blur from the number of dictionary atoms of a patch, then deconvolution."""

from defocus.baselines.card import Card
from defocus.baselines.operators.chain_cards import with_presets

BASELINES = with_presets(
    __name__,
    Card(
        name="jnb",
        display_name="JNB",
        kind="classical",
        status="paper",
        source="Shi, Xu, Jia, CVPR 2015, and the authors' demo; deconvolution: Krishnan, Fergus, "
        "NIPS 2009",
        follows="the demo's steps at every second pixel; dictionary and the curve from atoms to "
        "sigma are our own, since theirs is for non-commercial use; sigma = c/4; 8 blended "
        "levels of a mirrored picture, power 1.5, weight 16.8",
        licence="official code: non-commercial; reimplemented here, MIT",
        published_as="jnb",
    ),
    "network:make",
)
