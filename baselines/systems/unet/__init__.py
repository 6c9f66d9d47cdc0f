"""JDRL's plain U-Net, trained with a per-pixel loss: the network that JDRL is shown to lift.

The U-Net's cards: trained on the pairs as captured, and two controls trained on aligned ones."""

from defocus.baselines.card import Baseline, Card
from defocus.baselines.wrapping import controls

CARD = Card(
    name="unet",
    display_name="U-Net",
    source="Li et al., JDRL, AAAI 2023, Table 6; github.com/liyucs/JDRL at c9c420e, VGG_Deblur",
    follows="the released network (its conformance fixture passes), plain Charbonnier loss; RGB "
    "where the official pipeline feeds BGR: official files are turned when they are added",
    licence="official code and weights: none stated, all rights reserved; reimplemented here, MIT",
    published_as="unet",
    weights_trained_on=("sdd",),
)

UNET = Baseline.of_folder(
    __name__,
    "network:UNet",
    CARD,
    narrow={"width": 16, "levels": 3, "adds_input": True},
    zeroed=("out.0",),
)

BASELINES = (UNET, *controls(UNET))
