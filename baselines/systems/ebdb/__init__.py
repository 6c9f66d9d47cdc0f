"""EBDB: edge-based defocus map with scale selection, then deconvolution."""

from defocus.baselines.card import Card
from defocus.baselines.operators.chain_cards import with_presets

BASELINES = with_presets(
    __name__,
    Card(
        name="ebdb",
        display_name="EBDB",
        kind="classical",
        status="paper",
        source="Karaali, Jung, IEEE TIP 27, 2018; github.com/alikaraali/edge-based-dfe-tip2018 at "
        "7673700; deconvolution: Krishnan, Fergus, NIPS 2009",
        follows="the steps of the released map (fixture ebdb_ops passes), edges by OpenCV's Canny; "
        "sigma = c/4; 8 blended levels of a mirrored picture, power 1.5, weight 16.8",
        licence="official code: MIT (GPL-3.0 at that commit); reimplemented here, MIT",
        published_as="ebdb",
    ),
    "network:make",
)
