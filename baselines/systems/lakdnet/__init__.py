"""LaKDNet: depth-wise convolutions of large kernels in a U of four levels.

LaKDNet's cards: S (the base) and L, one picture or dual pixel, and the mended S."""

from defocus.baselines.card import UNKNOWN, Baseline, Card, settings

LARGE = 48
SHORT = {"steps": 1}

CARD = Card(
    name="lakdnet",
    display_name="LaKDNet-S",
    source="Ruan et al., Revisiting Image Deblurring with an Efficient ConvNet, arXiv:2302.02234; "
    "github.com/lingyanruan/LaKDNet at 0c6b262",
    follows="the released network, its unusual residual and its clipping included; the training "
    "is ours, since theirs is not released",
    licence="official code: AGPL-3.0; weights from the project page, no separate terms; "
    "reimplemented here, MIT",
    published_as="lakdnet",
    weights_trained_on=(UNKNOWN,),
)
LAKDNET = Baseline.of_folder(
    __name__,
    "network:LaKDNet",
    CARD,
    narrow={"dim": 8, "blocks": (1, 1, 1, 1)},
    zeroed=("output",),
)

BASELINES = (
    LAKDNET,
    LAKDNET.variant(
        "lakdnet-l",
        "LaKDNet-L",
        network={"dim": LARGE},
        recipe=settings(demo=SHORT),
        published_as="lakdnet-large",
    ),
    LAKDNET.variant(
        "lakdnet-dual",
        "LaKDNet-S (dual pixel)",
        network={"dual": True},
        recipe=settings(bit_depth=16),
        needs=("dual_pixel",),
        published_as="lakdnet-dual",
    ),
    LAKDNET.variant(
        "lakdnet-l-dual",
        "LaKDNet-L (dual pixel)",
        network={"dim": LARGE, "dual": True},
        recipe=settings(demo=SHORT, bit_depth=16),
        needs=("dual_pixel",),
        published_as="lakdnet-large-dual",
    ),
    LAKDNET.variant(
        "lakdnet-corrected",
        "LaKDNet-S (corrected)",
        network={"corrected": True},
        status="paper",
        follows="the paper's figure: the mixer's result is kept as well as fed forward; the "
        "output is not clipped, so that every pixel teaches; official weights do not fit",
        weights_trained_on=(),
    ),
)
