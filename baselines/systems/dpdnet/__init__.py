"""DPDNet: the U-Net for one picture or two dual-pixel views that the DPDD data came with.

DPDNet's cards: one picture, or the two views of a dual-pixel sensor."""

from defocus.baselines.card import Baseline, Card

CARD = Card(
    name="dpdnet-single",
    display_name="DPDNet (single)",
    source="Abuolaim and Brown, Defocus Deblurring Using Dual-Pixel Data, ECCV 2020; "
    "github.com/Abdullah-Abuolaim/defocus-deblurring-dual-pixel at 7ebf77e",
    follows="the released Keras network and training; crops anywhere in the picture where the "
    "official ones are cut beforehand and the least sharp 30 % left out; the last step's weights "
    "where the official ones are those of the lowest training loss",
    licence="official code: MIT; weights: no separate licence; reimplemented here, MIT",
    published_as="dpdnet-single",
    weights_trained_on=("dpdd",),
)
DPDNET = Baseline.of_folder(
    __name__,
    "network:DPDNet",
    CARD,
    narrow={"widths": (16, 32, 64), "adds_input": True},
    zeroed=("conv6",),
)

BASELINES = (
    DPDNET,
    DPDNET.variant(
        "dpdnet-dual",
        "DPDNet (dual pixel)",
        network={"views": 2},
        input="dual",
        published_as="dpdnet-dual",
    ),
)
