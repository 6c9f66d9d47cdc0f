"""KPAC: kernel-sharing parallel atrous convolutions.

KPAC's cards: three levels, two levels, dual-pixel input."""

from defocus.baselines.card import Baseline, Card

CARD = Card(
    name="kpac",
    display_name="KPAC",
    source="Son et al., KPAC, ICCV 2021; github.com/HyeongseokSon1/KPAC at 8603ec3",
    follows="the released graph with three levels; its training was not released: optimiser and "
    "batch as its settings file has them, L1 and VGG features, their weights, length and crop ours",
    licence="official code and weights: AGPL-3.0; reimplemented here, MIT",
    published_as="kpac",
    weights_trained_on=("dpdd",),
)
KPAC = Baseline.of_folder(
    __name__,
    "network:KPAC",
    CARD,
    narrow={"width": 8},
    zeroed=("deblur.d2_2",),
)

BASELINES = (
    KPAC,
    KPAC.variant("kpac-2level", "KPAC (2 levels)", network={"levels": 2}),
    KPAC.variant(
        "kpac-dual",
        "KPAC (dual pixel)",
        network={"dual": True},
        needs=("dual_pixel",),
    ),
)
