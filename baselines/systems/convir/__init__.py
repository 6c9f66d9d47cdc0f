"""ConvIR: IRNeXt with wide filters, square and along rows and columns.

ConvIR's cards: its three numbers of blocks per size."""

from defocus.baselines.card import Card
from defocus.baselines.systems.sfnet import of_three_scales

SMALL = of_three_scales(
    __name__,
    "ConvIR",
    Card(
        name="convir-s",
        display_name="ConvIR-S",
        source="Cui et al., Revitalizing Convolutional Network for Image Restoration, IEEE TPAMI "
        "2024; github.com/c-yn/ConvIR at 05dcbffa",
        follows="the released network with the small number of blocks (4 per size) and the "
        "released training of motion deblurring; for defocus, code and filters are not released",
        licence="official code: MIT; defocus weights not seen; reimplemented here, MIT",
        published_as="convir-s",
    ),
    width=8,
    blocks=1,
    dilations=(1, 1, 2),
)

BASELINES = (
    SMALL,
    SMALL.variant(
        "convir-b",
        "ConvIR-B",
        network={"blocks": 8},
        published_as="convir-b",
    ),
    SMALL.variant(
        "convir-l",
        "ConvIR-L",
        network={"blocks": 16},
        published_as="convir-l",
    ),
)
