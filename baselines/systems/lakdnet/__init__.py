"""LaKDNet: depth-wise convolutions of large kernels in a U of four levels.

LaKDNet's cards: S (the base) and L, one picture or dual pixel, and the mended S."""

from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES"]

LARGE = 48
LARGE_DEMO_STEPS = 1


def _short_demo(settings: "Recipe") -> "Recipe":
    demo = settings.demo.model_copy(update={"steps": LARGE_DEMO_STEPS})
    return settings.model_copy(update={"demo": demo})


def _deep(settings: "Recipe") -> "Recipe":
    return settings.model_copy(update={"bit_depth": 16})


def _short_and_deep(settings: "Recipe") -> "Recipe":
    return _deep(_short_demo(settings))


CARD = Card(
    name="lakdnet",
    display_name="LaKDNet-S",
    kind="network",
    input="single",
    status="official",
    source="Ruan et al., Revisiting Image Deblurring with an Efficient ConvNet, arXiv:2302.02234; "
    "github.com/lingyanruan/LaKDNet at 0c6b262",
    follows="the released network, its unusual residual and its clipping included; the training "
    "is ours, since theirs is not released",
    licence="official code: AGPL-3.0; weights from the project page, no separate terms; ours is "
    "written anew, MIT",
    published_as="lakdnet",
    weights_trained_on=(UNKNOWN,),
)
LAKDNET = Baseline.of_folder(
    __name__, "network:LaKDNet", CARD, narrow={"dim": 8, "blocks": (1, 1, 1, 1)}, zeroed=("output",)
)

BASELINES = (
    LAKDNET,
    LAKDNET.variant(
        "lakdnet-l",
        "LaKDNet-L",
        network={"dim": LARGE},
        recipe=_short_demo,
        published_as="lakdnet-large",
    ),
    LAKDNET.variant(
        "lakdnet-dual",
        "LaKDNet-S (dual pixel)",
        network={"dual": True},
        recipe=_deep,
        needs=("dual_pixel",),
        published_as="lakdnet-dual",
    ),
    LAKDNET.variant(
        "lakdnet-l-dual",
        "LaKDNet-L (dual pixel)",
        network={"dim": LARGE, "dual": True},
        recipe=_short_and_deep,
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
